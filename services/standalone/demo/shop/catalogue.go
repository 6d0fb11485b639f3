package shop

var catalogue = []Product{
	{ID: "harbour", Name: "Harbour kettle", Category: "Kettles", Litres: "1.7", Price: 4900, Colours: []string{"Cream", "Blue", "Charcoal"}, Blurb: "Gooseneck spout, keeps warm for half an hour."},
	{ID: "lark", Name: "Lark kettle", Category: "Kettles", Litres: "0.8", Price: 2450, Colours: []string{"Blue", "White"}, Blurb: "Small, for one pot of tea."},
	{ID: "marsh", Name: "Marsh kettle", Category: "Kettles", Litres: "1.5", Price: 2990, Colours: []string{"Blue", "Sage"}, SoldOut: true, Blurb: "Matt enamel on steel."},
	{ID: "ferry", Name: "Ferry kettle", Category: "Kettles", Litres: "1.7", Price: 3900, Colours: []string{"Blue", "Red", "Steel"}, Blurb: "Stainless steel, boils a litre in two minutes."},
	{ID: "beacon", Name: "Beacon kettle", Category: "Kettles", Litres: "2.0", Price: 6400, Colours: []string{"Steel"}, Blurb: "With a temperature dial."},
	{ID: "dune", Name: "Dune teapot", Category: "Teapots", Litres: "1.2", Price: 3200, Colours: []string{"Sand", "Blue"}, Blurb: "Stoneware with a fine sieve."},
	{ID: "pier", Name: "Pier mug, set of four", Category: "Mugs", Litres: "0.3", Price: 2800, Colours: []string{"White", "Blue"}, Blurb: "Stacks well."},
	{ID: "tide", Name: "Tide coffee press", Category: "Coffee", Litres: "1.0", Price: 3600, Colours: []string{"Steel"}, Blurb: "Double wall."},
}

var shippings = []Shipping{
	{ID: "standard", Name: "Standard, 3 to 5 days", Price: 490},
	{ID: "express", Name: "Express, next day", Price: 1290},
}

var countries = []string{"Austria", "Belgium", "Denmark", "France", "Germany", "Ireland", "Italy", "Netherlands", "Portugal", "Spain"}
