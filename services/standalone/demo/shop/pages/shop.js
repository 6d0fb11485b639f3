// Shows sums as they change, and lets an order through only when the terms are accepted.
const euros = cents => "€" + (cents / 100).toFixed(2);

const product = document.querySelector("form[data-price]");
if (product) {
  const sum = () => {
    const each = Number(product.dataset.price);
    document.querySelector("#together").value = euros(each * Number(product.quantity.value || 0));
  };
  product.addEventListener("input", sum);
  sum();
}

const checkout = document.querySelector("#checkout");
if (checkout) {
  const update = () => {
    const via = checkout.querySelector("input[name=shipping]:checked");
    const cents = Number(checkout.dataset.goods) + Number(via ? via.dataset.price : 0);
    checkout.querySelector("#pay").value = euros(cents);
    checkout.querySelector("#place").disabled = !checkout.terms.checked;
  };
  checkout.addEventListener("input", update);
  update();
}
