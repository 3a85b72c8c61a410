"""Declaring cases."""

from __future__ import annotations

import pytest

from certsuite.core.cases import Disturbance, State, case, declared_case


async def example() -> None:
    """Its first line is the title.

    The rest is not.
    """


def test_a_case_is_declared_by_what_is_written_on_it() -> None:
    declared = declared_case(
        case(
            "WXC-TLS-010",
            requirements=["TLS-1.2"],
            claims=["hold"],
            needs="in-call",
            disturbs=["registration", "trust"],
            variant="ecdsa",
            reconnects=3,
        )(example)
    )
    assert declared is not None
    assert declared.title == "Its first line is the title."
    assert declared.family == "TLS"
    assert declared.requirements == ("TLS-1.2",)
    assert declared.claims == ("hold",)
    assert declared.needs is State.IN_CALL
    assert declared.disturbs == (Disturbance.REGISTRATION, Disturbance.TRUST)
    assert declared.variant == "ecdsa"
    assert declared.reconnects == 3


def test_a_case_needs_a_registration_unless_it_says_otherwise() -> None:
    declared = declared_case(case("WXC-TLS-010", requirements=["TLS-1.2"])(example))
    assert declared is not None
    assert (declared.needs, declared.disturbs, declared.claims, declared.variant) == (State.REGISTERED, (), (), "")
    assert declared.reconnects == 1


@pytest.mark.parametrize(
    "id", ["TLS-010", "WXC-TLS-10", "WXC-tls-010", "WXC-TLS-0100", " WXC-TLS-010", "WXC-TLS-010[x]"]
)
def test_an_id_has_one_form(id: str) -> None:
    with pytest.raises(ValueError, match="no case id"):
        case(id, requirements=["TLS-1.2"])


@pytest.mark.parametrize("wrong", [{"needs": "registred"}, {"disturbs": ["everything"]}])
def test_words_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        case("WXC-TLS-010", requirements=["TLS-1.2"], **wrong)(example)  # type: ignore[arg-type]


def test_a_case_cannot_take_back_reconnects() -> None:
    with pytest.raises(ValueError, match="WXC-TLS-010: reconnects=0"):
        case("WXC-TLS-010", requirements=["TLS-1.2"], reconnects=0)


def test_a_case_has_a_title_and_a_requirement() -> None:
    async def untitled() -> None: ...

    for requirements, function in (([], example), (["TLS-1.2"], untitled)):
        with pytest.raises(ValueError, match="needs a docstring and a requirement"):
            case("WXC-TLS-010", requirements=requirements)(function)


def test_what_is_no_case_has_no_declaration() -> None:
    assert declared_case(test_words_are_checked) is None
    assert declared_case(None) is None
