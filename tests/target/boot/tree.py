"""Reads, changes and writes flattened device trees.  Spec: Devicetree Specification 0.4, chapter 5."""
import functools
import os
import struct
import subprocess
import tempfile

from boot import QEMU

MAGIC = 0xd00dfeed
BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


class Node:
    """`props`: name to bytes; `children`: name to Node; both in order."""

    def __init__(self, **props):
        self.props = {name.replace("_", "-"): value for name, value in props.items()}
        self.children = {}

    def at(self, path):
        """The node at a path such as /cpus/cpu@0."""
        node = self
        for name in filter(None, path.split("/")):
            node = node.children[name]
        return node

    def remove(self, path):
        folder, name = path.rsplit("/", 1)
        del self.at(folder).children[name]


def cells64(*values):
    """Numbers of two cells each."""
    return b"".join(struct.pack(">Q", value) for value in values)


def text(string):
    return string.encode() + b"\0"


def read(blob):
    """The root Node of a sound blob."""
    _, _, structure, strings = struct.unpack_from(">IIII", blob)
    stack, at = [Node()], structure
    while True:
        token, = struct.unpack_from(">I", blob, at)
        at += 4
        if token == BEGIN_NODE:
            end = blob.index(b"\0", at)
            node = Node()
            stack[-1].children[blob[at:end].decode()] = node
            stack.append(node)
            at = end + 4 & ~3
        elif token == END_NODE:
            stack.pop()
        elif token == PROP:
            size, name = struct.unpack_from(">II", blob, at)
            name = blob[strings + name:blob.index(b"\0", strings + name)].decode()
            stack[-1].props[name] = blob[at + 8:at + 8 + size]
            at += 8 + size + 3 & ~3
        elif token == END:
            return stack[0].children[""]


def write(root, reservations=()):
    """The blob of a tree: header, reservations, structure, strings."""
    strings, offsets, structure = b"", {}, bytearray()

    def put(name, node):
        nonlocal strings
        label = text(name)
        structure.extend(struct.pack(">I", BEGIN_NODE) + label + bytes(-len(label) % 4))
        for prop, value in node.props.items():
            if prop not in offsets:
                offsets[prop] = len(strings)
                strings += text(prop)
            structure.extend(struct.pack(">III", PROP, len(value), offsets[prop]) + value + bytes(-len(value) % 4))
        for child, below in node.children.items():
            put(child, below)
        structure.extend(struct.pack(">I", END_NODE))

    put("", root)
    structure.extend(struct.pack(">I", END))
    reserved = cells64(*[value for pair in reservations for value in pair], 0, 0)
    start = 40 + len(reserved)
    total = start + len(structure) + len(strings)
    header = struct.pack(">10I", MAGIC, total, start, start + len(structure), 40, 17, 16, 0, len(strings), len(structure))
    return header + reserved + bytes(structure) + strings


@functools.cache
def blob_of_machine(memory):
    """The blob that QEMU makes for "virt"."""
    with tempfile.TemporaryDirectory(prefix="faultline-tree-") as folder:
        path = os.path.join(folder, "blob")
        subprocess.run([QEMU, "-machine", f"virt,dumpdtb={path}", "-m", memory, "-display", "none"],
                       capture_output=True, timeout=20, check=True)
        with open(path, "rb") as file:
            return file.read()


def of_machine(bootargs, initrd=None, memory="64M"):
    """The tree that QEMU makes for "virt", with the firmware's memory reserved as the firmware
    itself does, and /chosen; initrd: (start, bytes)."""
    root = read(blob_of_machine(memory))
    chosen = root.at("/chosen")
    chosen.props["bootargs"] = text(bootargs)
    if initrd:
        chosen.props["linux,initrd-start"] = cells64(initrd[0])
        chosen.props["linux,initrd-end"] = cells64(sum(initrd))
    reserve(root, 0x80000000, 0x80000)
    return root


def console(root):
    """The node that /chosen names as the console: itself or by an alias, with or without its speed."""
    path = root.at("/chosen").props["stdout-path"].rstrip(b"\0").decode().split(":")[0]
    return root.at(path if path.startswith("/") else root.at("/aliases").props[path].rstrip(b"\0").decode())


def reserve(root, start, size):
    """Adds a child of /reserved-memory."""
    if "reserved-memory" not in root.children:
        root.children["reserved-memory"] = Node(**{"#address-cells": struct.pack(">I", 2),
                                                   "#size-cells": struct.pack(">I", 2), "ranges": b""})
    root.children["reserved-memory"].children[f"part@{start:x}"] = Node(reg=cells64(start, size), no_map=b"")


def set_banks(root, *banks):
    """Replaces RAM by (start, bytes) banks, all in one node."""
    for name in [name for name in root.children if name.startswith("memory@")]:
        del root.children[name]
    root.children[f"memory@{banks[0][0]:x}"] = Node(device_type=text("memory"),
                                                    reg=cells64(*[value for bank in banks for value in bank]))
