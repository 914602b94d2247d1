// The shop's own code: what a developer of a website writes around analytics.js.
(function () {
  var base = document.body.dataset.base;
  var product = JSON.parse(document.body.dataset.product);
  var $ = function (id) { return document.getElementById(id); };

  function keep(store, name, value) { store.setItem("sunny-hollow-" + name, JSON.stringify(value)); }
  function recall(store, name, otherwise) { return JSON.parse(store.getItem("sunny-hollow-" + name)) || otherwise; }

  // What was called, for the person who gives the demo.
  var calls = recall(sessionStorage, "calls", []);
  function show() {
    $("calls").replaceChildren.apply($("calls"), calls.map(function (text) {
      var item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
  }
  function note(text) {
    calls = calls.concat(text).slice(-4);
    keep(sessionStorage, "calls", calls);
    show();
  }
  analytics.on("page", function () { note("page " + document.title.split(" · ")[0]); });
  analytics.on("track", function (event) { note("track " + event); });
  analytics.on("identify", function (_id, traits) { note("identify " + traits.email); });
  show();
  $("new-visitor").addEventListener("click", function () {
    analytics.reset();
    localStorage.removeItem("sunny-hollow-basket");
    sessionStorage.removeItem("sunny-hollow-calls");
    location.href = base;
  });

  var basket = recall(localStorage, "basket", []);
  function total() { return basket.reduce(function (sum, item) { return sum + item.price; }, 0); }
  function money(amount) { return "$" + amount.toLocaleString("en-US", { minimumFractionDigits: 2 }); }
  function count() { $("count").textContent = basket.length ? "(" + basket.length + ")" : ""; }
  count();

  if (product) {
    analytics.track("Product Viewed", product);
    $("add").addEventListener("click", function () {
      basket.push(product);
      keep(localStorage, "basket", basket);
      analytics.track("Product Added", product);
      count();
      $("added").hidden = false;
    });
  }

  if ($("lines")) {
    basket.forEach(function (item) {
      var row = $("lines").insertRow();
      row.insertCell().textContent = item.name;
      row.insertCell().textContent = money(item.price);
    });
    $("total").textContent = money(total());
    $("full").hidden = !basket.length;
    $("empty").hidden = !!basket.length;
    if (basket.length) analytics.track("Cart Viewed", { products: basket, value: total(), currency: "USD" });
    $("order").addEventListener("click", function () {
      var order = "SH-" + Date.now().toString(36).toUpperCase();
      analytics.track("Order Completed", { order_id: order, total: total(), currency: "USD", products: basket });
      basket = [];
      keep(localStorage, "basket", basket);
      count();
      $("full").hidden = true;
      $("ordered").hidden = false;
    });
  }

  if ($("contact")) {
    $("contact").addEventListener("submit", function (event) {
      event.preventDefault();
      var form = $("contact").elements;
      var traits = { name: form.name.value.trim(), email: form.email.value.trim() };
      if (form.phone.value.trim()) traits.phone = form.phone.value.trim();
      analytics.identify(traits);
      analytics.track("Call Requested", { topic: form.topic.value });
      $("contact").hidden = true;
      $("sent").hidden = false;
    });
  }
})();
