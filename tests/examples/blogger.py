"""Somebody with an account in the blog, over plain HTTP."""

from __future__ import annotations

import requests


class Blogger:
    """Signed in through the blog's own form, like any form with its CSRF token."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self._http = requests.Session()
        answer = self.submit("/sign-in", name=name, password=name)
        assert f"Sign out {name}" in answer.text

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._http.cookies)

    @property
    def cookie(self) -> str:
        """The same, as a header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Fill in the form of a page, and send it."""
        page = self._http.get(self.url + path, timeout=10).text
        # The last one on the page: the first is that of the button to sign out.
        token = page.split('name="csrf_token" value="')[-1].split('"')[0]
        fields["csrf_token"] = token
        return self._http.post(self.url + path, data=fields, timeout=10)

    def comment(self, text: str, post: int = 1) -> int:
        """Comment on a post; the status of the answer."""
        return self.submit(f"/{post}", text=text).status_code

    def read_all(self) -> None:
        self.submit("/inbox", up_to="4000000000")

    def close(self) -> None:
        self._http.close()
