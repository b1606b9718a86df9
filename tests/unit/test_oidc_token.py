"""What the hub makes of a provider's keys, description, claims and tokens, without a provider."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from belvedere.foundation.errors import BadSettings, Refused, Unavailable
from belvedere.foundation.settings import HubSettings, load_settings
from belvedere.hub.access.oidc_provider import basic, described
from belvedere.hub.access.oidc_token import (
    ALGORITHMS,
    Expected,
    checked_claims,
    key_name,
    named,
    second_factor,
    verifying_keys,
)

ISSUER = "https://login.council.test"
NOW_S = 1_795_000_000
KEY = jwk.ECKey.generate_key("P-256", {"kid": "k"})
EXPECTED = Expected(ISSUER, "belvedere", "n", NOW_S * 1_000_000, 0)
TRUE = {
    "iss": ISSUER,
    "aud": "belvedere",
    "sub": "s",
    "nonce": "n",
    "iat": NOW_S,
    "exp": NOW_S + 60,
    "auth_time": NOW_S,
}
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"],
}


def checked(token: str) -> dict[str, Any]:
    return checked_claims(token, [KEY], ALGORITHMS, EXPECTED, NOW_S * 1_000_000)


def test_a_true_token_is_read() -> None:
    token = jwt.encode({"alg": "ES256", "kid": "k"}, TRUE, KEY)
    assert checked(token) == TRUE and key_name(token) == "k"
    with pytest.raises(Refused):  # the provider says that it signs otherwise
        checked_claims(token, [KEY], ["RS256"], EXPECTED, NOW_S * 1_000_000)
    with pytest.raises(Refused):
        checked_claims(token, [], ALGORITHMS, EXPECTED, NOW_S * 1_000_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(TRUE)), value=VALUES)
def test_any_other_value_is_refused_or_harmless(name: str, value: Any) -> None:
    claims = TRUE | {name: value}
    try:
        found = checked(jwt.encode({"alg": "ES256", "kid": "k"}, claims, KEY))
    except Refused:
        return
    assert found["iss"] == ISSUER and found["nonce"] == "n" and found["aud"] in ("belvedere", ["belvedere"])
    assert 0 < len(found["sub"]) <= 255 and found["exp"] >= NOW_S - 60
    assert found["auth_time"] >= NOW_S - 60 and NOW_S - 600 <= found["iat"] <= NOW_S + 60


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}"))
def test_what_is_no_token_is_refused(token: str) -> None:
    key_name(token)
    with pytest.raises(Refused):
        checked(token)


def test_only_keys_that_verify_are_taken() -> None:
    good = KEY.as_dict(private=False)
    rsa = jwk.RSAKey.generate_key(2048, {"kid": "r"}).as_dict(private=True)
    others: list[Any] = [
        jwk.OctKey.import_key("secret of ours", {"kid": "o"}).as_dict(private=True),
        good | {"use": "enc", "kid": "e"},
        jwk.ECKey.generate_key("P-384", {"kid": "p"}).as_dict(private=False),
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"},
        {"kty": "EC", "crv": "P-256", "kid": "half"},
        "no key",
        {},
    ]
    found = verifying_keys({"keys": [*others, good, rsa]})
    assert [key.kid for key in found] == ["k", "r"] and not any(key.is_private for key in found)
    documents: tuple[Any, ...] = (None, [], {}, {"keys": {}}, {"keys": None})
    for document in documents:
        assert verifying_keys(document) == []


def test_a_second_factor_is_proven_by_what_is_listed_only() -> None:
    assert second_factor({"amr": ["pwd", "mfa"]}, ["mfa", "hwk"], [])
    assert second_factor({"acr": "high"}, [], ["high"])
    for claims in ({}, {"amr": "mfa"}, {"amr": [["mfa"]]}, {"amr": ["pwd"]}, {"acr": "low"}, {"acr": ["high"]}):
        assert not second_factor(claims, ["mfa"], ["high"])
    assert not second_factor({"amr": ["mfa"], "acr": "high"}, [], [])


def test_who_an_account_is_found_for() -> None:
    assert named({"preferred_username": " Ann "}, "preferred_username") == "ann"
    assert named({"email": "Ann@council.test", "email_verified": True}, "email") == "ann@council.test"
    for verified in (False, None, "true", 1):
        assert named({"email": "ann@council.test", "email_verified": verified}, "email") == ""
    assert named({"sub": "AbC"}, "sub") == "AbC" and named({"sub": 7}, "sub") == "" and named({}, "email") == ""


def test_a_description_is_the_configured_providers_or_none() -> None:
    assert described(ISSUER, DOCUMENT).algorithms == ("RS256", "ES256")
    assert described(
        ISSUER, DOCUMENT | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    ).secret_in_body
    for changes in (
        {"issuer": f"{ISSUER}/"},
        {"jwks_uri": "http://login.council.test/keys"},
        {"jwks_uri": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": None},
    ):
        with pytest.raises(Unavailable):
            described(ISSUER, DOCUMENT | changes)


def test_client_and_secret_are_encoded_before_they_are_joined() -> None:
    assert basic("a:b", "c d/é") == "Basic YSUzQWI6YytkJTJGJUMzJUE5"


@pytest.mark.parametrize(
    "issuer", ["http://login.council.test", "login.council.test", "https://login.test/?a=b", "ftp://x"]
)
def test_a_provider_without_tls_is_no_setting(issuer: str, tmp_path: Any) -> None:
    (tmp_path / "belvedere.toml").write_text(f'[hub]\noidc_issuer = "{issuer}"\n')
    with pytest.raises(BadSettings):
        load_settings(tmp_path)
    for good in ("", "https://login.council.test/tenant/v2.0", "http://127.0.0.1:9000", "http://localhost:9000/realm"):
        assert HubSettings.model_validate({"oidc_issuer": good}).oidc_issuer == good
