"""What surrounds a page: the sidebar's footer and the few style rules that the theme cannot express."""

from __future__ import annotations

import streamlit as st

from components.assets import are_assets_built, read_component_file
from components.plain_text import escape_markdown
from components.space_choice import draw_space_choice
from components.state import is_dark
from core.workspaces.workspace import Workspace, get_workspace_info

# Only what config.toml has no setting for; by Streamlit's test ids, which its own browser tests rely on.
_STYLE = """
<style>
/* An identifier is shown as it is: the fonts would draw the x of 1x8 as a sign, and -> in SQL as an arrow. */
body, input, textarea { font-feature-settings: "calt" 0; }
[data-testid="stCaptionContainer"] code { color: inherit; background: none; padding: 0; font-size: .95em; }
[data-testid="stSidebarNavLink"] span, [data-testid="stPageLink-NavLink"] * { white-space: normal; overflow: visible; }
/* The empty ring of a choice and the empty box of a tick have to be found: the border colour alone is too faint. */
[data-testid="stRadioOption"]:not([data-selected]) > div > div:first-child,
[data-testid="stCheckbox"] label:not([data-selected]) > span + div {
  border-color: color-mix(in srgb, currentColor 55%, transparent);
}
/* A link begins where the text around it does, though its hover frame is wider. */
[data-testid="stMain"] [data-testid="stPageLink-NavLink"] { position: relative; left: -.5rem; line-height: 1.35; }
/* One that leads to another part of its own page is no choice that was made: it looks as the others do. */
[data-testid="stMain"] [data-testid="stPageLink-NavLink"]:not(:hover, :focus-visible) { background: none; }
[data-testid="stMain"] [data-testid="stPageLink-NavLink"] p { font-weight: inherit; }
[data-testid="stMainBlockContainer"] { max-width: 1200px; }
/* JSON that is edited reads as code. */
[class*="st-key-draft_"] textarea { font-family: "JetBrains Mono", ui-monospace, monospace; font-size: .8rem; }
/* What can be copied shows it, also where nothing hovers. */
[data-testid="stCode"] pre { padding-right: 3rem; }
[data-testid="stCode"] > div:last-child { visibility: visible; opacity: 1; pointer-events: auto; }
/* A menu that opened a dialog would stay over it. */
body:has([data-testid="stDialog"]) [data-testid="stPopoverBody"]:not([data-testid="stDialog"] *) { display: none; }
/* A table's toolbar stands over its headings, not over the controls above it. */
[data-testid="stElementToolbar"] { top: .15rem !important; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  /* On a touch screen the toolbar always shows, and would cover the headings. */
  [data-testid="stElementToolbar"] { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation-duration: .01ms !important; transition-duration: .01ms !important; }
}
</style>
"""


# The primary colour as text has too little contrast on the dark theme.
_DARK_STYLE = """
<style>
[data-variant="segmented_control"][aria-checked="true"] p { color: #c7d2fe; }
</style>
"""

# The colours of code are too faint on the light theme.
_LIGHT_STYLE = """
<style>
[data-testid="stCode"] .token { color: #1257a6 !important; }
[data-testid="stCode"] :is(.string, .attr-value, .char) { color: #0a6b27 !important; }
[data-testid="stCode"] :is(.number, .boolean, .null) { color: #0b6359 !important; }
[data-testid="stCode"] :is(.punctuation, .operator, .comment) { color: #4b5563 !important; }
</style>
"""

_mount_menu = st.components.v2.component(
    "onramp_menu", html="<span hidden></span>\n\n", js=read_component_file("menu.js")
)


def draw_style() -> None:
    """Add the style rules; draws nothing."""
    st.html(_STYLE + (_DARK_STYLE if is_dark() else _LIGHT_STYLE))


def draw_sidebar_footer(workspace: Workspace) -> None:
    """Draw the choice of the space, the workspace's name, and a notice where the browser assets have not been built."""
    info = get_workspace_info(workspace)
    draw_space_choice(workspace)
    st.caption(f":material/workspaces: **{escape_markdown(info.name)}** · local · Onramp")
    if not are_assets_built():
        st.caption(
            ":material/info: Fonts and SQL editor are not built; a plain text box is used. "
            "Run `python frontend/build.py`, then restart."
        )
    _mount_menu(key="menu")
