"""Joining a Ray cluster; none is started here."""

from __future__ import annotations

import socket

import pytest

from imlbench.annotating.engine import Crew
from imlbench.errors import UserError

pytest.importorskip("ray", reason="Ray, of the extra imlbench[ray], is not installed")
from imlbench.annotating import ray_cluster

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture
def dead():
    """A port at which nobody answers: it is taken, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def alone(monkeypatch):
    """As if no program had joined a cluster, and Ray could join none."""
    asked = []
    monkeypatch.setattr(ray_cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_cluster.ray, "init", lambda **said: asked.append(said["address"]))
    monkeypatch.setattr(ray_cluster.ray, "cluster_resources", lambda: {})
    monkeypatch.setattr(ray_cluster.ray, "shutdown", lambda: asked.append("left"))
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "localhost:{}", "[::1]:{}"])
def test_an_address_where_nobody_answers_is_one_line_at_once(alone, dead, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address.format(dead))
    with pytest.raises(UserError) as caught, ray_cluster.cluster(Crew(1)):
        raise AssertionError
    assert "no Ray cluster can be used" in str(caught.value)
    assert f"see that RAY_ADDRESS={address.format(dead)} is right" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert alone == []


def test_a_host_that_nobody_knows_is_one_line(alone, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "no-such-host.invalid:6379")
    with (
        pytest.raises(UserError, match=r"RAY_ADDRESS=no-such-host.invalid:6379 is right"),
        ray_cluster.cluster(Crew(1)),
    ):
        raise AssertionError


@pytest.mark.parametrize("address", ["auto", "local", "anyscale://cluster", "ray://head", "one two"])
def test_an_address_without_a_port_is_left_to_ray(alone, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with ray_cluster.cluster(Crew(1)):
        assert alone == [address]
    assert alone == [address, "left"]


def test_a_place_where_somebody_answers_is_joined(alone, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with ray_cluster.cluster(Crew(1)):
            assert alone == [address]
