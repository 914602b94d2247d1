"""The snippet that a website's owner puts into its header: queues calls until analytics.js has loaded (W45, W46)."""

from __future__ import annotations

import orjson

METHODS = (
    "trackSubmit trackClick trackLink trackForm pageview identify reset group track ready alias debug page screen once"
    " off on addSourceMiddleware addIntegrationMiddleware setAnonymousId addDestinationMiddleware register"
)
"""What a page may call before the library is there."""

_TEMPLATE = """\
<script>
!function(){var a=window.analytics=window.analytics||[];if(a.initialize)return;
if(a.invoked)return void(window.console&&console.error("The analytics snippet is on this page twice."));a.invoked=!0;
a.methods="__METHODS__".split(" ");
a.factory=function(m){return function(){
if(window.analytics.initialized)return window.analytics[m].apply(window.analytics,arguments);
var c=[].slice.call(arguments);if(/^(track|screen|alias|group|page|identify)$/.test(m)){
var l=document.querySelector("link[rel='canonical']");c.push({__t:"bpc",c:l&&l.getAttribute("href")||void 0,
p:location.pathname,u:location.href,s:location.search,t:document.title,r:document.referrer})}
c.unshift(m);a.push(c);return a}};
a.methods.forEach(function(m){a[m]=a.factory(m)});
a.load=function(k,o){var s=document.createElement("script");s.async=!0;s.type="text/javascript";
s.setAttribute("data-global-segment-analytics-key","analytics");
s.src=a._cdn+"/analytics.js/v1/"+k+"/analytics.min.js";
document.head.appendChild(s);a._loadOptions=o};
a._writeKey=__KEY__;a._cdn=__ADDRESS__;a.SNIPPET_VERSION="5.2.1";
a.load(__KEY__);a.page()}();
</script>"""


def make_snippet(write_key: str, address: str) -> str:
    """Return the snippet for one source.

    Args:
        write_key: The source's; it is public on the web.
        address: Where Onramp is reached by visitors' browsers, such as `https://onramp.example.com`.

    Source: Segment's quick start for the website library; the marker `bpc` and its fields are those of its buffer.
    """
    return (
        _TEMPLATE.replace("__METHODS__", METHODS)
        .replace("__KEY__", _quote(write_key))
        .replace("__ADDRESS__", _quote(address.rstrip("/")))
    )


def _quote(text: str) -> str:
    # A JSON text is a JavaScript literal; what could end the script element or start a comment is escaped.
    return orjson.dumps(text).decode().replace("<", "\\u003c").replace(">", "\\u003e")
