"""A website for the demo: a small shop whose pages hold the real snippet and ask nothing of any other machine.

The company is that of the demo warehouse, so that its products are the same and its customers can be met here again.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

import orjson

from core.ids import slugify
from core.samples.demo_names import PRICES, PRODUCTS

_FOLDER = Path(__file__).parent / "website"
_MENU = (("", "What we install"), ("basket", "Basket"), ("contact", "Contact"))


@dataclass(frozen=True, slots=True)
class Product:
    """Something that the shop sells; `icon` is drawn with lines on a field of 24 by 24."""

    name: str
    price: float
    text: str
    icon: str

    @property
    def path(self) -> str:
        """The address of its page inside the website."""
        return f"products/{slugify(self.name)}"


_TEXTS = (
    (
        "Heat from the air around your house, quiet enough for a garden.",
        "M4 5h16v14H4zM12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 8v8M8 12h8",
    ),
    ("Tiles that make electricity and look like a roof.", "M3 18 8 6h13l-5 12zM5.5 12h13M12 6 8.5 18M16.500 6 13 18"),
    ("The sun of noon, kept for the evening.", "M5 7h14v13H5zM9 7V4h6v3M12 10l-2.500 4h4l-2 4"),
    (
        "A full car by breakfast, charged when power is cheap.",
        "M6 3h9v18H6zM9 7h3M15 10h3v6a2 2 0 0 1-2 2M11 11l-2 3h3l-2 3",
    ),
    ("Knows when you are home, and when you are not.", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 3"),
    ("An hour with a thermal camera shows where the warmth goes.", "M4 11 12 4l8 7v9H4zM9 20v-6h6v6"),
)
CATALOG: Mapping[str, Product] = {
    product.path: product
    for product in (
        Product(name, float(price), text, icon)
        for name, price, (text, icon) in zip(PRODUCTS, PRICES, _TEXTS, strict=True)
    )
}
"""The products by the address of their pages."""


def render_page(path: str, *, base: str, source_name: str, snippet: str) -> str | None:
    """Return a page of the website as HTML; None where it has no such page.

    Args:
        path: The page: empty for the start page, `basket`, `contact`, or a product's `path`.
        base: The address of the website on this server, such as `/demo/website/KEY`.
        source_name: The source that its events come from, as people know it.
        snippet: What `make_snippet` returned for that source; it goes into the head as it is.
    """
    product = CATALOG.get(path)
    if product is not None:
        title, content = product.name, _render_product(product, base)
    elif path in _PAGES:
        title = _PAGES[path]
        facts = {"cards": _list_cards(base), "topics": _list_topics()}
        content = _read(f"{path or 'home'}.html").substitute(base=base, **facts)
    else:
        return None
    return _read("layout.html").substitute(
        title=html.escape(title),
        path=path,
        base=base,
        source=html.escape(source_name),
        snippet=snippet,
        product=html.escape(orjson.dumps(_describe(product)).decode()),
        menu=_list_menu(path, base),
        content=content,
        style=_read("site.css").template,
        script=_read("site.js").template,
    )


_PAGES: Mapping[str, str] = {"": "Home", "basket": "Basket", "contact": "Contact"}


@cache
def _read(name: str) -> Template:
    return Template((_FOLDER / name).read_text(encoding="utf-8").strip())


def _describe(product: Product | None) -> dict[str, object] | None:
    if product is None:
        return None
    return {"product_id": slugify(product.name), "name": product.name, "price": product.price, "currency": "USD"}


def _render_product(product: Product, base: str) -> str:
    return _read("product.html").substitute(
        name=product.name, text=product.text, price=_write_price(product), icon=_draw(product), base=base
    )


def _list_cards(base: str) -> str:
    return "".join(
        f'<a class="card" href="{base}/{product.path}">{_draw(product)}<h2>{product.name}</h2><p>{product.text}</p>'
        f'<p class="price">{_write_price(product)}</p></a>'
        for product in CATALOG.values()
    )


def _list_topics() -> str:
    return "".join(f"<option>{product.name}</option>" for product in CATALOG.values())


def _list_menu(path: str, base: str) -> str:
    return "".join(
        f'<a href="{base}/{target}"{" aria-current=page" if target == path else ""}>{label}'
        f"{' <span id=count></span>' if target == 'basket' else ''}</a>"
        for target, label in _MENU
    )


def _write_price(product: Product) -> str:
    return f"${product.price:,.2f}"


def _draw(product: Product) -> str:
    style = 'fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"'
    return f'<svg viewBox="0 0 24 24" aria-hidden="true" {style}><path d="{product.icon}"/></svg>'
