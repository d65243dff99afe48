"""Who may look, and what every answer says to the browser."""

from __future__ import annotations

import re

import pytest

from tests.console.conftest import CONSOLE, REGION, Browser
from tests.server.wire import Wire

PAGES = ("", "/jobs/training", "/jobs/compilation", "/models", "/endpoints")


@pytest.mark.parametrize("page", [*PAGES, "/nothing"])
def test_a_stranger_sees_only_how_to_sign_in(stranger: Browser, page: str) -> None:
    answer = stranger.get(REGION + page)
    assert answer.status == 401
    assert "ironworks console" in answer.words and "Training" not in answer.words


def test_a_stranger_cannot_send_a_form(stranger: Browser) -> None:
    assert stranger.post(f"{REGION}/models/x/delete").status == 401


@pytest.mark.parametrize("page", PAGES)
def test_one_who_has_signed_in_sees_the_pages(browser: Browser, page: str) -> None:
    assert browser.get(REGION + page).status == 200


def test_a_link_works_once(stranger: Browser, link: str) -> None:
    assert stranger.get(link).status == 200
    again = Browser(stranger.address).get(link)
    assert again.status == 403 and "has been used" in again.words and "ironworks console" in again.words
    assert "set-cookie" not in again.headers


def test_a_link_is_not_used_up_by_a_question_for_its_head_alone(stranger: Browser, link: str) -> None:
    assert stranger.ask("HEAD", link, b"", {}).status == 405
    assert stranger.get(link).status == 200


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(stranger: Browser, link: str) -> None:
    cookie = stranger.get(link).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", f"Path={CONSOLE}"} <= set(cookie.split("; "))


def test_a_changed_cookie_is_no_session(browser: Browser) -> None:
    browser.cookies = {name: value[:-1] + "0" for name, value in browser.cookies.items()}
    browser.cookies["ironworks-session"] += "0"
    assert browser.get(f"{REGION}/models").status == 401


def test_after_signing_out_the_cookie_is_worth_nothing(browser: Browser) -> None:
    kept = dict(browser.cookies)
    assert browser.post(f"{CONSOLE}/logout").status == 303
    browser.cookies = kept
    assert browser.get(f"{REGION}/models").status == 401


def test_the_session_is_no_key_to_the_wire(browser: Browser) -> None:
    assert browser.get("/").status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8750", "127.0.0.1.evil.example", "", "localhost.evil"]
)
def test_a_name_that_leads_here_opens_nothing(browser: Browser, host: str) -> None:
    for path in (f"{REGION}/models", f"{CONSOLE}/login?token=x", f"{CONSOLE}/static/console.css"):
        answer = browser.get(path, host=host)
        assert answer.status == 403 and "by the server's address" in answer.words


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost", "LOCALHOST:8750", "[::1]:8750", "192.168.0.7:8750"]
)
def test_an_address_opens_it(browser: Browser, host: str) -> None:
    assert browser.get(f"{REGION}/models", host=host).status == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{CONSOLE}/logout",
        f"{CONSOLE}/theme",
        f"{REGION}/jobs/training/x/stop",
        f"{REGION}/jobs/training/x/delete",
        f"{REGION}/jobs/compilation/x/stop",
        f"{REGION}/jobs/compilation/x/delete",
        f"{REGION}/models/x/delete",
        f"{REGION}/endpoints/x/delete",
        f"{REGION}/endpoints/x/scale",
    ],
)
@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_the_sessions_token_does_nothing(browser: Browser, path: str, token: str) -> None:
    answer = browser.post(path, {"csrf": token})
    assert answer.status == 403 and "nothing was done" in answer.words
    assert browser.get(f"{REGION}/models").status == 200


def test_a_form_of_another_session_does_nothing(wire: Wire, browser: Browser) -> None:
    other = Browser(wire.url)
    from ironworks.console.access import make_link_token

    other.get(f"{CONSOLE}/login?token={make_link_token(wire.keys.secret_access_key)}")
    token = re.search(r'name="csrf" value="([^"]+)"', other.get(f"{REGION}/models").text)
    assert token is not None
    assert browser.post(f"{CONSOLE}/logout", {"csrf": token[1]}).status == 403


@pytest.mark.parametrize(
    "path", [f"{REGION}/", f"{CONSOLE}/login?token=x", f"{REGION}/nothing", f"{CONSOLE}/static/console.js"]
)
def test_every_answer_has_a_strict_policy(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self'; base-uri 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_script_or_a_style_of_its_own(browser: Browser, page: str) -> None:
    text = browser.get(REGION + page).text
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', text)


def test_static_files_are_kept_only_where_the_url_names_their_content(browser: Browser) -> None:
    (url,) = re.findall(r'href="([^"]+console\.css[^"]+)"', browser.get(f"{REGION}/models").text)
    assert "immutable" in browser.get(url).headers["cache-control"]
    assert browser.get(url.partition("?")[0]).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../site.py", "%2e%2e/site.py", "nothing.css", "", "."])
def test_only_static_files_are_given_out(browser: Browser, name: str) -> None:
    assert browser.get(f"{CONSOLE}/static/{name}").status == 404


def test_htmx_comes_with_its_licence(browser: Browser) -> None:
    assert "Zero-Clause BSD" in browser.get(f"{CONSOLE}/static/htmx.LICENSE.txt").text


def test_the_theme_is_kept_and_leads_back(browser: Browser) -> None:
    answer = browser.post(f"{CONSOLE}/theme", {"theme": "dark", "back": f"{REGION}/models"})
    assert (answer.status, answer.headers["location"]) == (303, f"{REGION}/models")
    assert 'data-theme="dark"' in browser.get(f"{REGION}/models").text
    browser.post(f"{CONSOLE}/theme", {"theme": "", "back": ""})
    assert "data-theme" not in browser.get(f"{REGION}/models").text


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/", f"{CONSOLE}/\r\nx: y"])
def test_the_theme_leads_nowhere_else(browser: Browser, back: str) -> None:
    answer = browser.post(f"{CONSOLE}/theme", {"theme": "light", "back": back})
    assert answer.headers["location"] == CONSOLE + "/"


def test_the_root_leads_to_the_region_that_was_used_last(browser: Browser) -> None:
    assert browser.get(CONSOLE).headers["location"] == f"{REGION}/"


@pytest.mark.parametrize(
    "path", ["/jobs/training/nothing", "/models/nothing", "/endpoints/nothing", "/nothing", "/models/x/y"]
)
def test_what_is_not_there_is_said_to_be_missing(browser: Browser, path: str) -> None:
    answer = browser.get(REGION + path)
    assert answer.status == 404 and "Not found" in answer.words


def test_a_method_that_a_path_does_not_have_is_refused(browser: Browser) -> None:
    assert browser.get(f"{CONSOLE}/logout").status == 405
