"""What a page shows of an answer, held against the answer."""

from __future__ import annotations


def assert_shows(shown: object, real: object) -> None:
    """Members, texts and truth values are as they are; a number only has to be one.

    Of a list a page may show a part, in its order: a user has other events too.
    """
    if isinstance(shown, dict):
        assert isinstance(real, dict)
        assert shown.keys() == real.keys()
        for key, value in shown.items():
            assert_shows(value, real[key])
    elif isinstance(shown, list):
        assert isinstance(real, list)
        rest = iter(real)
        assert all(any(agree(one, other) for other in rest) for one in shown), real
    elif isinstance(shown, bool) or not isinstance(shown, (int, float)):
        assert shown == real
    else:
        assert isinstance(real, (int, float))
        assert not isinstance(real, bool)


def agree(shown: object, real: object) -> bool:
    try:
        assert_shows(shown, real)
    except AssertionError:
        return False
    return True
