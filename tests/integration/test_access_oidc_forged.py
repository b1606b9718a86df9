"""Answers of a provider that lies: tokens that are forged, foreign, old, unsigned, or signed with a shared secret."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwk, jwt

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.hub.access.oidc import CouncilDesk
from belvedere.hub.access.oidc_accounts import unbind
from belvedere.hub.storage.acts import nowhere
from hub_stage import HubStage
from oidc_stage import CLIENT, SECRET, Liar, by_hand, council_stage, refusals


@dataclass
class Scene:
    """A hub whose provider is `liar`, and a browser at it."""

    stage: HubStage
    liar: Liar
    browser: httpx.AsyncClient

    async def refused(self, **claims: Any) -> str:
        self.liar.claims = claims
        answer = await self.liar.sign_in(self.browser)
        assert answer.status_code == 403, answer.text
        assert refusals(self.stage)[-1]["reason"] == answer.json()["error"]["message"]
        return str(answer.json()["error"]["message"])


def meet(stage: HubStage, liar: Liar) -> None:
    """Let the hub meet this provider at its address."""
    object.__setattr__(stage.hub, "council", CouncilDesk(stage.settings.hub, stage.clock, liar))


async def test_what_is_forged_is_refused(tmp_path: Path) -> None:
    liar = Liar()
    async with council_stage(tmp_path, liar.issuer) as stage, stage.browser() as browser:
        meet(stage, liar)
        scene = Scene(stage, liar, browser)
        true = await liar.sign_in(browser)
        assert true.status_code == 200, true.text
        await browser.delete("/api/session", headers={"X-Belvedere-CSRF": true.json()["session"]["csrf"]})
        now = stage.clock.now_us() // 1_000_000
        for claims, words in (
            ({"iss": "https://evil.test"}, "invalid_claim"),
            ({"iss": f"{liar.issuer}/"}, "invalid_claim"),
            ({"aud": "another"}, "does not hold"),
            ({"aud": [CLIENT, "another"], "azp": CLIENT}, "others too"),
            ({"azp": "another"}, "invalid_claim"),
            ({"nonce": "of another sign-in"}, "another sign-in"),
            ({"nonce": None}, "another sign-in"),
            ({"exp": now - 61}, "expired_token"),
            ({"exp": None}, "missing_claim"),
            ({"iat": now + 61}, "does not hold"),
            ({"iat": now - 601}, "not of now"),
            ({"nbf": now + 61}, "does not hold"),
            ({"auth_time": now - 3600}, "too long ago"),
            ({"auth_time": None}, "lacks auth_time"),
            ({"auth_time": True}, "does not hold"),
            ({"sub": ""}, "names nobody"),
            ({"sub": 7}, "does not hold"),
            ({"amr": "mfa", "sub": "s-1"}, "does not hold"),
        ):
            assert words in await scene.refused(**claims), claims
        assert (await browser.get("/api/session")).status_code == 401


async def test_other_keys_and_algorithms_are_refused(tmp_path: Path) -> None:
    liar = Liar()
    async with council_stage(tmp_path, liar.issuer) as stage, stage.browser() as browser:
        meet(stage, liar)
        scene = Scene(stage, liar, browser)
        kid = {"kid": "k"}
        stranger, public = jwk.RSAKey.generate_key(2048, {"kid": "k"}), liar.key.as_pem(private=False)

        def swapped(claims: dict[str, Any]) -> str:
            head, _, signature = liar.sign(claims).split(".")
            return ".".join((head, liar.sign(claims | {"sub": "s-2"}).split(".")[1], signature))

        def crossed(claims: dict[str, Any]) -> str:
            own = liar.header | {"jwk": stranger.as_dict(private=False)}
            return jwt.encode(own, claims, stranger)

        forgeries: tuple[Callable[[dict[str, Any]], str], ...] = (
            lambda claims: by_hand({"alg": "none"}, claims),
            lambda claims: by_hand({"alg": "none"} | kid, claims),
            lambda claims: by_hand({"alg": "HS256"} | kid, claims, public),
            lambda claims: by_hand({"alg": "HS256"} | kid, claims, SECRET.encode()),
            lambda claims: by_hand({"alg": "RS256"} | kid, claims, public),
            lambda claims: jwt.encode({"alg": "RS384"} | kid, claims, liar.key, algorithms=["RS384"]),
            lambda claims: jwt.encode(liar.header, claims, stranger),
            lambda claims: jwt.encode({"alg": "RS256", "kid": "other"}, claims, stranger),
            lambda claims: liar.sign(claims).rpartition(".")[0] + ".",
            lambda claims: liar.sign(claims) + "A" * 40_000,
            lambda claims: "no token at all",
            lambda claims: "..",
            swapped,
            crossed,
        )
        for number, liar.forge in enumerate(forgeries):
            assert "does not hold" in await scene.refused(), number
        assert stage.kinds().count("session.opened") == 0
        liar.forge = liar.sign
        assert (await liar.sign_in(browser)).status_code == 200  # only the forging was wrong


async def test_a_provider_that_can_not_be_used_is_not(tmp_path: Path) -> None:
    liar = Liar()
    async with council_stage(tmp_path, liar.issuer) as stage, stage.browser() as browser:
        for document in (
            {"issuer": "https://login.council.test/another"},
            {"id_token_signing_alg_values_supported": ["HS256", "none"]},
            {"code_challenge_methods_supported": ["plain"]},
            {"token_endpoint": "http://login.council.test/token"},
            {"authorization_endpoint": None},
        ):
            liar.document = document
            meet(stage, liar)
            answer = await browser.post("/api/session/council/begin")
            assert answer.status_code == 503 and "can't be used" in answer.json()["error"]["message"], document


async def test_keys_and_description_are_kept_and_new_keys_found(tmp_path: Path) -> None:
    liar = Liar()
    async with council_stage(tmp_path, liar.issuer) as stage, stage.browser() as browser:
        meet(stage, liar)
        for _ in range(2):
            assert (await liar.sign_in(browser)).status_code == 200
        assert [address.rpartition("/")[2] for address in liar.asked].count("jwks_uri") == 1
        liar.key, liar.header = jwk.RSAKey.generate_key(2048, {"kid": "new"}), {"alg": "RS256", "kid": "new"}
        assert (
            await liar.sign_in(browser)
        ).status_code == 403  # at most once a minute: strangers can't make the hub ask
        stage.clock.advance(MINUTE_US)
        assert (await liar.sign_in(browser)).status_code == 200
        stage.clock.advance(HOUR_US)
        assert (await liar.sign_in(browser)).status_code == 403  # our clock is an hour ahead of the provider's
        assert [address.rpartition("/")[2] for address in liar.asked].count("openid-configuration") == 2


async def test_names_told_at_userinfo_count_for_the_same_person_only(tmp_path: Path) -> None:
    liar = Liar(claims={"preferred_username": None}, told={"sub": "s-2", "preferred_username": "ann"})
    async with council_stage(tmp_path, liar.issuer) as stage, stage.browser() as browser:
        meet(stage, liar)
        assert (await liar.sign_in(browser)).status_code == 403
        liar.told["sub"] = "s-1"
        assert (await liar.sign_in(browser)).status_code == 200
        # The name is needed once. Undone, it is needed again; and kept for a provider, never for another one.
        await asyncio.to_thread(unbind, stage.hub.engine, stage.hub.users, "ann", nowhere)
        liar.told["sub"] = "s-2"
        assert (await liar.sign_in(browser)).status_code == 403
        other = Liar("https://other.council.test")
        stage.settings.hub.oidc_issuer = other.issuer
        meet(stage, other)
        assert (await other.sign_in(browser)).status_code == 200
