"""Every call against the server in DOOZER_TEST_ADDR; `cargo test --test foreign_clients` starts it."""

import os
import uuid

import pytest

from doozer_client import DEL, SET, Client, DoozerError


@pytest.fixture
def client():
    with Client(os.environ["DOOZER_TEST_ADDR"]) as client:
        yield client


@pytest.fixture
def folder():
    return f"/python/{uuid.uuid4().hex}"


def refused(name, call, *arguments, **named):
    with pytest.raises(DoozerError) as caught:
        call(*arguments, **named)
    assert caught.value.name == name
    return caught.value


def test_a_file_is_set_read_and_deleted(client, folder):
    path = folder + "/f"
    first = client.set(path, b"one", 0)
    second = client.set(path, b"\x00\xfftwo", first)
    assert second > first
    assert client.get(path) == (b"\x00\xfftwo", second)
    assert client.get(path, rev=first) == (b"one", first)
    client.delete(path, second)
    assert client.get(path) == (b"", 0)


def test_a_missing_file_has_a_value_that_is_there_and_empty(client, folder):
    response = client.call("GET", path=folder)
    assert response.HasField("value") and response.HasField("rev")
    assert (response.value, response.rev) == (b"", 0)


@pytest.mark.parametrize("size", [0, 1, 3000, 1 << 20])
def test_values_of_every_size_come_back(client, folder, size):
    value = os.urandom(size)
    rev = client.set(folder + "/big", value)
    assert client.get(folder + "/big") == (value, rev)


def test_errors_have_their_names(client, folder):
    path = folder + "/f"
    rev = client.set(path, b"v")
    refused("REV_MISMATCH", client.set, path, b"", rev - 1)
    refused("NOTDIR", client.set, path + "/below", b"")
    refused("ISDIR", client.get, folder)
    refused("ISDIR", client.set, folder, b"")
    refused("BAD_PATH", client.set, "/not_valid", b"")
    refused("NOENT", client.getdir, folder + "/none")
    refused("NOTDIR", client.getdir, path)
    refused("MISSING_ARG", client.call, "GET")
    refused("MISSING_ARG", client.call, "SET", path=path)
    assert "invalid glob pattern" in refused("OTHER", client.wait, "/[", 1).detail


def test_stat_tells_files_directories_and_what_is_missing(client, folder):
    rev = client.set(folder + "/f", b"12345")
    assert client.stat(folder + "/f") == (5, rev)
    assert client.stat(folder) == (1, -2)
    assert client.stat(folder + "/none") == (0, 0)


def test_walk_and_getdir_list_in_byte_order(client, folder):
    for name in ["b", "a/deep", "C"]:
        client.set(f"{folder}/{name}", name.encode())
    assert client.getdir(folder) == ["C", "a", "b"]
    found = client.walk(folder + "/**")
    assert [file.path for file in found] == [folder + name for name in ["/C", "/a/deep", "/b"]]
    assert {file.flags for file in found} == {SET}
    assert [file.value for file in found] == [b"C", b"a/deep", b"b"]
    before = client.rev()
    client.delete(folder + "/b")
    assert client.getdir(folder, rev=before) == ["C", "a", "b"]


def test_wait_tells_of_the_past_and_of_what_comes(client, folder):
    path = folder + "/f"
    rev = client.set(path, b"v")
    client.delete(path)
    event = client.wait(folder + "/*", rev)
    assert (event.path, event.rev, event.value, event.flags) == (path, rev, b"v", SET)
    event = client.wait(folder + "/*", rev + 1)
    assert (event.path, event.value, event.flags) == (path, b"", DEL)
    with Client(os.environ["DOOZER_TEST_ADDR"]) as watcher:
        tag = watcher.send("WAIT", path=folder + "/later", rev=event.rev + 1)
        later = client.set(folder + "/later", b"now")
        event = watcher.receive()
    assert (event.tag, event.rev, event.value) == (tag, later, b"now")


def test_a_nop_takes_a_revision_and_is_an_event(client):
    before = client.rev()
    client.nop()
    event = client.wait("/", before + 1)
    assert (event.path, event.flags) == ("/", 0)
    assert client.rev() > before


def test_requests_may_be_pipelined(client, folder):
    tags = [client.send("SET", path=f"{folder}/{number}", value=b"v", rev=0) for number in range(200)]
    answers = [client.receive() for _ in tags]
    assert sorted(answer.tag for answer in answers) == tags
    assert len({answer.rev for answer in answers}) == len(tags)


def test_self_is_the_node_at_this_address(client):
    node = client.self_id()
    assert len(node) == 16
    assert client.get(f"/ctl/node/{node}/addr")[0].decode() == os.environ["DOOZER_TEST_ADDR"]


def test_secrets_open_reading_and_writing():
    with Client(os.environ["DOOZER_TEST_SECRET_ADDR"]) as client:
        assert refused("OTHER", client.get, "/x").detail == "permission denied"
        client.rev()
        client.access(b"r")
        client.get("/x")
        refused("OTHER", client.set, "/x", b"v")
        refused("OTHER", client.access, b"wrong")
        client.access(b"w")
        client.set("/x", b"v")
