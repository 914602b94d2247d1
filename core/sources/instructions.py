"""How each kind of source is installed: steps with code that already holds its write key and this server's address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from core.sources.address import get_host
from core.sources.snippet import make_snippet


class Instruction(NamedTuple):
    """One step: what to do, the code to paste, and its language for colours."""

    title: str
    text: str
    code: str
    language: str


def write_instructions(kind: str, write_key: str, address: str) -> tuple[Instruction, ...]:
    """Return the steps for a source of this kind; none where there is nothing to install.

    Args:
        kind: A source's kind, such as `swift`.
        write_key: The source's.
        address: Where senders reach this server, such as `https://events.example.com`.

    Source: the quick starts of Segment's libraries; what they send is in docs/tracking-api.md.
    """
    write = _WRITERS.get(kind)
    return write(write_key, address) if write else ()


def _write_javascript(write_key: str, address: str) -> tuple[Instruction, ...]:
    return (
        Instruction(
            "Copy this snippet into the head of every page of your site",
            "Put it as high in `<head>` as you can, below `<title>`, so that the title is sent with each page.",
            make_snippet(write_key, address),
            "html",
        ),
    )


def _write_swift(write_key: str, address: str) -> tuple[Instruction, ...]:
    host = get_host(address)
    return (
        Instruction(
            "Add the Analytics dependency",
            "In Xcode: File, Add Package Dependencies, and paste the address. Or in Package.swift:",
            '.package(url: "https://github.com/segmentio/analytics-swift.git", from: "1.0.0")',
            "swift",
        ),
        Instruction(
            "Start it when the app is launched",
            "Both hosts have to be named: the library fetches its settings from one and sends to the other. It tells by"
            " itself when the app is installed and opened.",
            "import Segment\n\n"
            "let analytics = Analytics(\n"
            f'    configuration: Configuration(writeKey: "{write_key}")\n'
            f'        .apiHost("{host}")\n'
            f'        .cdnHost("{host}")\n'
            ")",
            "swift",
        ),
        Instruction(
            "Say which screen is viewed",
            "Screens are not sent by themselves: call `screen` where one appears.",
            'analytics.screen(title: "Home")',
            "swift",
        ),
    )


def _write_kotlin(write_key: str, address: str) -> tuple[Instruction, ...]:
    host = get_host(address)
    return (
        Instruction(
            "Add the Analytics dependency",
            "In the module's build.gradle.kts. Take the newest version of Maven Central in place of the plus sign.",
            "repositories { mavenCentral() }\n"
            'dependencies { implementation("com.segment.analytics.kotlin:android:+") }',
            "kotlin",
        ),
        Instruction(
            "Allow it to use the network",
            "In AndroidManifest.xml, inside `<manifest>`.",
            '<uses-permission android:name="android.permission.INTERNET" />\n'
            '<uses-permission android:name="android.permission.ACCESS_NETWORK_STATE" />',
            "xml",
        ),
        Instruction(
            "Start it in your Application class",
            "Both hosts have to be named: the library fetches its settings from one and sends to the other. The last"
            " setting lets it tell when the app is installed and opened.",
            "import com.segment.analytics.kotlin.android.Analytics\n\n"
            f'val analytics = Analytics("{write_key}", applicationContext) {{\n'
            f'    apiHost = "{host}"\n'
            f'    cdnHost = "{host}"\n'
            "    trackApplicationLifecycleEvents = true\n"
            "}",
            "kotlin",
        ),
        Instruction(
            "Say which screen is viewed",
            "Screens are not sent by themselves: call `screen` where one appears.",
            'analytics.screen("Home")',
            "kotlin",
        ),
    )


def _write_java(write_key: str, address: str) -> tuple[Instruction, ...]:
    return (
        Instruction(
            "Add the library",
            "With Maven; take the newest version of Maven Central.",
            "<dependency>\n"
            "  <groupId>com.segment.analytics.java</groupId>\n"
            "  <artifactId>analytics</artifactId>\n"
            "  <version>LATEST</version>\n"
            "</dependency>",
            "xml",
        ),
        Instruction(
            "Send a first event",
            "It is sent from a queue: flush it before the program ends.",
            "import com.segment.analytics.Analytics;\n"
            "import com.segment.analytics.messages.TrackMessage;\n"
            "import java.util.Map;\n\n"
            f'Analytics analytics = Analytics.builder("{write_key}")\n'
            f'    .endpoint("{address}")\n'
            "    .build();\n"
            'analytics.enqueue(TrackMessage.builder("Order Paid").userId("u-1")\n'
            '    .properties(Map.of("total", 12.5)));\n'
            "analytics.flush();",
            "java",
        ),
    )


def _write_http(write_key: str, address: str) -> tuple[Instruction, ...]:
    return (
        Instruction(
            "Send a first event",
            "The write key is the user name; there is no password.",
            f"curl {address}/v1/track -u {write_key}: \\\n"
            "  -H 'content-type: application/json' \\\n"
            '  -d \'{"userId": "u-1", "event": "Order Paid", "properties": {"total": 12.5}}\'',
            "shell",
        ),
        Instruction(
            "Or use Segment's library for Python",
            "Install segment-analytics-python. It sends from a queue: flush it before the program ends.",
            "import segment.analytics as analytics\n\n"
            f'analytics.write_key = "{write_key}"\n'
            f'analytics.host = "{address}"\n'
            'analytics.track("u-1", "Order Paid", {"total": 12.5})\n'
            "analytics.flush()",
            "python",
        ),
        Instruction(
            "Or use Segment's library for Node.js",
            "Install @segment/analytics-node. It sends from a queue: close it before the program ends.",
            _write_node(write_key, address),
            "javascript",
        ),
    )


def _write_node(write_key: str, address: str) -> str:
    # The library takes only scheme, name and port from host: a path before /v1/batch has to be named apart.
    parts = urlsplit(address)
    path = f'\n  path: "{parts.path}/v1/batch",' if parts.path else ""
    return (
        'const { Analytics } = require("@segment/analytics-node");\n\n'
        "const analytics = new Analytics({\n"
        f'  writeKey: "{write_key}",\n'
        f'  host: "{parts.scheme}://{parts.netloc}",{path}\n'
        "});\n"
        'analytics.track({ userId: "u-1", event: "Order Paid", properties: { total: 12.5 } });\n'
        "analytics.closeAndFlush();"
    )


def _write_twilio(write_key: str, address: str) -> tuple[Instruction, ...]:
    sink = f'{{"destination": "{address}/v1/twilio/{write_key}", "method": "POST", "batch_events": true}}'
    return (
        Instruction(
            "Create the sink",
            "In Twilio's console: Event Streams, Sinks, Create, Webhook. Or with Twilio's command line:",
            "twilio api:events:v1:sinks:create --sink-type webhook \\\n"
            '  --description "Onramp" \\\n'
            f"  --sink-configuration '{sink}'",
            "shell",
        ),
        Instruction(
            "Subscribe it to the events that you want",
            "Put the sink's SID, which begins with DG, in the place of DG….",
            "twilio api:events:v1:subscriptions:create --description Onramp --sink-sid DG… \\\n"
            '  --types \'{"type": "com.twilio.messaging.message.delivered", "schema_version": 1}\'',
            "shell",
        ),
    )


_WRITERS: Mapping[str, Callable[[str, str], tuple[Instruction, ...]]] = {
    "javascript": _write_javascript,
    "swift": _write_swift,
    "kotlin": _write_kotlin,
    "java": _write_java,
    "flex": _write_java,
    "http": _write_http,
    "twilio_event_streams": _write_twilio,
}
