"""The frame around every page: menu, title, workspace name.

It lives in shell/ because a folder `pages/` beside the main script makes Streamlit run a deep-linked page directly,
without this file: no menu, no gate.
"""

import sys
from functools import partial
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run shell/main.py` puts shell/ on the path, not the checkout
    sys.path.insert(0, str(ROOT))

from components import navigation  # noqa: E402
from components.error_panel import error_panel  # noqa: E402
from components.frame import draw_sidebar_footer, draw_style  # noqa: E402
from components.state import get_workspace  # noqa: E402

# A file, not a material icon: Streamlit fetches those for the browser tab from another host.
st.set_page_config(page_icon=str(ROOT / "shell" / "icon.svg"), layout="wide")

menu: dict[str, list[st.Page]] = {}
for screen in navigation.list_screens():
    page = st.Page(
        screen.path,
        title=screen.label,
        icon=screen.icon,
        url_path=None if screen.is_default else screen.url_path,
        default=screen.is_default,
        visibility="hidden" if screen.is_hidden else "visible",
    )
    menu.setdefault(screen.group, []).append(page)

# The default page's address is "/" only; its own name has to lead there too.
for home in [screen for screen in navigation.list_screens() if screen.is_default]:
    alias = st.Page(partial(st.switch_page, home.path), title=home.label, url_path=home.url_path, visibility="hidden")
    menu[home.group].append(alias)
current = st.navigation(menu, expanded=True)
navigation.enter(current.url_path)
st.set_page_config(page_title=f"{current.title} · Onramp")
draw_style()
workspace = get_workspace()
with st.sidebar, error_panel("reading the workspace"):
    draw_sidebar_footer(workspace)
with error_panel(f"opening {current.title}"):
    current.run()
