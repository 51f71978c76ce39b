"""A small Doozer client on the protobuf library, its messages described at run time."""

import socket
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

VERBS = {
    "GET": 1, "SET": 2, "DEL": 3, "REV": 5, "WAIT": 6, "NOP": 7,
    "WALK": 9, "GETDIR": 14, "STAT": 16, "SELF": 20, "ACCESS": 99,
}
ERRORS = {
    1: "TAG_IN_USE", 2: "UNKNOWN_VERB", 3: "READONLY", 4: "TOO_LATE", 5: "REV_MISMATCH",
    6: "BAD_PATH", 7: "MISSING_ARG", 8: "RANGE", 20: "NOTDIR", 21: "ISDIR", 22: "NOENT",
    127: "OTHER",
}
REQUEST = {
    "tag": (1, "INT32"), "verb": (2, "ENUM"), "path": (4, "STRING"), "value": (5, "BYTES"),
    "other_tag": (6, "INT32"), "offset": (7, "INT32"), "rev": (9, "INT64"),
}
RESPONSE = {
    "tag": (1, "INT32"), "flags": (2, "INT32"), "rev": (3, "INT64"), "path": (5, "STRING"),
    "value": (6, "BYTES"), "len": (8, "INT32"), "err_code": (100, "ENUM"),
    "err_detail": (101, "STRING"),
}
SET, DEL = 4, 8


def _add_message(file, name, fields, enum, values):
    message = file.message_type.add(name=name)
    kind = message.enum_type.add(name=enum)
    for number, value in values.items():
        kind.value.add(name=value, number=number)
    for field, (number, type_name) in fields.items():
        added = message.field.add(name=field, number=number)
        added.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        added.type = getattr(descriptor_pb2.FieldDescriptorProto, "TYPE_" + type_name)
        if type_name == "ENUM":
            added.type_name = f".doozer.{name}.{enum}"


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="doozer.proto", package="doozer", syntax="proto2")
    _add_message(file, "Request", REQUEST, "Verb", {n: name for name, n in VERBS.items()})
    _add_message(file, "Response", RESPONSE, "Err", ERRORS)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("doozer.Request", "doozer.Response")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]


Request, Response = _messages()


class DoozerError(Exception):
    """An error that the server answered."""

    def __init__(self, response):
        self.name = ERRORS[response.err_code]
        self.detail = response.err_detail
        super().__init__(f"{self.name} {self.detail}".strip())


class Client:
    """One connection; one request at a time, or pipelined with send and receive."""

    def __init__(self, addr, timeout=10):
        host, port = addr.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.tag = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, verb, **fields):
        """Sends a request and returns its tag."""
        self.tag += 1
        body = Request(tag=self.tag, verb=VERBS[verb], **fields).SerializeToString()
        self.socket.sendall(struct.pack(">i", len(body)) + body)
        return self.tag

    def receive(self):
        """Returns the next response, whoever asked."""
        (length,) = struct.unpack(">i", self._read(4))
        return Response.FromString(self._read(length))

    def call(self, verb, **fields):
        """Returns the response to one request; raises its error."""
        tag = self.send(verb, **fields)
        response = self.receive()
        assert response.tag == tag, f"answer {response.tag} to request {tag}"
        if response.HasField("err_code"):
            raise DoozerError(response)
        return response

    def _read(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise ConnectionError("closed by the server")
            got += more
        return got

    def access(self, secret):
        self.call("ACCESS", value=secret)

    def rev(self):
        return self.call("REV").rev

    def self_id(self):
        return self.call("SELF").value.decode()

    def nop(self):
        self.call("NOP")

    def set(self, path, value, rev=-1):
        return self.call("SET", path=path, value=value, rev=rev).rev

    def get(self, path, **at):
        response = self.call("GET", path=path, **at)
        return response.value, response.rev

    def delete(self, path, rev=-1):
        self.call("DEL", path=path, rev=rev)

    def stat(self, path, **at):
        response = self.call("STAT", path=path, **at)
        return response.len, response.rev

    def wait(self, glob, rev):
        return self.call("WAIT", path=glob, rev=rev)

    def walk(self, glob, **at):
        return self._until_range("WALK", path=glob, **at)

    def getdir(self, path, **at):
        return [found.path for found in self._until_range("GETDIR", path=path, **at)]

    def _until_range(self, verb, **fields):
        found = []
        while True:
            try:
                found.append(self.call(verb, offset=len(found), **fields))
            except DoozerError as error:
                if error.name == "RANGE":
                    return found
                raise
