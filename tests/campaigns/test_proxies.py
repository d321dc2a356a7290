"""Proxies and certificates of the environment that rotator cannot use: told in words, without a traceback."""

from __future__ import annotations

import pytest

from rotator.clock import SystemClock
from rotator.errors import ConfigError
from rotator.http import HttpClient


@pytest.mark.parametrize("proxy", ["socks5://me:hunter2@127.0.0.1:1080", "foo://me:hunter2@proxy.test"])
def test_a_proxy_of_another_kind_is_a_fault_of_the_configuration(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match="the proxy in the environment") as caught:
        HttpClient(SystemClock())
    assert "hunter2" not in str(caught.value)


def test_certificates_that_the_environment_names_and_that_are_not_there_are_a_fault_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE in the environment: no CA certificates"):
        HttpClient(SystemClock())
