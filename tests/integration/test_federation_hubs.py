"""Two hubs ask and answer each other over loopback TLS: trust, holds, absence, replay, wrong clocks, nonsense."""

from pathlib import Path

from federation_stage import two_councils


async def test_one_question_one_answer_one_hold(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        row = await ashby.answered(await ashby.ask(birch))
        assert (row.state, row.count, row.cameras) == ("yes", None, ())
        (hold,) = birch.holds()
        assert (row.hold, row.until_us) == (hold.id, hold.expires_us)
        assert hold.cameras == ("gate",) and hold.owner == "Ashby Council"
        said, heard = ashby.facts("federation.said"), birch.facts("federation.heard")
        assert [each["sha256"] for each in said] == [each["sha256"] for each in heard]
        assert [each["sha256"] for each in birch.facts("federation.said")] == [
            each["sha256"] for each in ashby.facts("federation.heard")
        ]
        assert "gate" not in str(ashby.facts("federation.heard"))
