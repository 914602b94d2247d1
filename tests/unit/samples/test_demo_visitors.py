from __future__ import annotations

from core.samples.demo_visitors import demo_visitor_messages, true_merges
from core.samples.demo_warehouse import demo_truth


def test_the_same_seed_gives_the_same_visits_and_names_only_after_a_chat() -> None:
    truth = demo_truth(customers=300)
    messages = list(demo_visitor_messages(truth, visitors=80))
    assert list(demo_visitor_messages(truth, visitors=80)) == messages
    assert len({message["messageId"] for message in messages}) == len(messages)
    assert [message["timestamp"] for message in messages] == sorted(message["timestamp"] for message in messages)
    named = [message["anonymousId"] for message in messages if message["type"] == "identify"]
    assert 0 < len(named) < 80
    assert set(named) == set().union(*true_merges(truth, messages).values())
