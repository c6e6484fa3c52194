"""The list of public mail domains is kept in order, dated, and has the usual ones."""

from __future__ import annotations

import inspect
import re

from reconciler.core.values import public_mail


def test_the_list_is_in_order_without_duplicates_and_dated() -> None:
    listed = inspect.getsource(public_mail).split('"""')[3].split()
    assert listed == sorted(set(listed))
    assert set(listed) == public_mail.PUBLIC_MAIL
    assert re.search(r"on 20\d\d-\d\d-\d\d", public_mail.__doc__ or "")


def test_the_usual_ones_are_in_it_and_companies_are_not() -> None:
    usual = {
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "yahoo.com",
        "icloud.com",
        "gmx.de",
        "web.de",
    }
    usual |= {
        "proton.me",
        "qq.com",
        "mail.ru",
        "aol.com",
        "live.com",
        "yandex.ru",
        "t-online.de",
        "mailinator.com",
    }
    assert usual - public_mail.PUBLIC_MAIL == set()
    assert {"google.com", "microsoft.com", "apple.com", "acme.example"} & public_mail.PUBLIC_MAIL == set()
