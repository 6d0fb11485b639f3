package action

// TargetVersion is the version of Target that is written now.
const TargetVersion = 1

// Target is the fingerprint of an element: what is needed to find it again in a later visit. It is taken when an action
// is done, and is kept in the history as the parameter target (and to_target for what was dropped on). It is a durable
// format: fields are added, never changed. Strings are clipped, and a fingerprint of more than 1,900 characters loses
// its least telling fields; every field but tag, role and name may be absent. In a workflow, strings may hold
// placeholders.
type Target struct {
	Version     int       `json:"v"`
	Tag         string    `json:"tag"`                   // in lower case
	Role        string    `json:"role"`                  // as the page text has it
	Name        string    `json:"name"`                  // accessible name
	NameSource  string    `json:"name_src,omitempty"`    // what the name was taken from
	Type        string    `json:"type,omitempty"`        // the attribute
	TestID      string    `json:"testid,omitempty"`      // of data-testid and the like
	ID          string    `json:"id,omitempty"`          // unless a framework made it up
	NameAttr    string    `json:"name_attr,omitempty"`   // the attribute name
	Placeholder string    `json:"placeholder,omitempty"` // the attribute
	Label       string    `json:"label,omitempty"`       // of a form field
	HrefPath    string    `json:"href_path,omitempty"`   // path of a link's address, without query
	Heading     string    `json:"heading,omitempty"`     // the nearest heading before it
	Landmark    string    `json:"landmark,omitempty"`    // role or tag of the landmark that it is in
	Shadow      []string  `json:"shadow,omitempty"`      // selectors of the shadow hosts around it, the outermost first
	CSS         string    `json:"css,omitempty"`         // the shortest selector that is unique in its root
	List        *Item     `json:"list,omitempty"`        // its place in a list, grid or table
	Neighbors   []string  `json:"neighbors,omitempty"`   // names of the controls before and after it
	Rect        []float64 `json:"rect,omitempty"`        // left, top, width, height in screens
	TextHash    string    `json:"text_hash,omitempty"`   // FNV-1a of its text, 8 hexadecimal digits
	Icon        string    `json:"icon,omitempty"`        // FNV-1a of what an element without a name is drawn from
	XPath       string    `json:"xpath,omitempty"`       // through frames (#document) and shadow roots (#shadow-root)
	Frame       []Frame   `json:"frame,omitempty"`       // the frames around it, the outermost first
	Part        bool      `json:"part,omitempty"`        // in workflows: name is only a part of what the element is called
}

// Item is an element's place in a list.
type Item struct {
	Container string `json:"container"`       // selector of the list
	KeyText   string `json:"key_text"`        // beginning of the item's text
	Index     *int   `json:"index,omitempty"` // from 0; workflows leave it out for a chosen item
	Count     int    `json:"count"`           // items
	Same      int    `json:"same"`            // other items that have a control of the same role and name
}

// Frame is one frame on the way to an element.
type Frame struct {
	URL     string `json:"url"` // without its query
	Name    string `json:"name,omitempty"`
	Ordinal int    `json:"ordinal"` // among the frames of its document, -1 in a shadow root
	CSS     string `json:"css,omitempty"`
	XPath   string `json:"xpath"`
}
