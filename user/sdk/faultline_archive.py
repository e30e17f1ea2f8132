"""The initrd's format: cpio "newc" whose file data start on a page.

The bytes between a header and its data are NULs that belong to the name, so any cpio reads the
archive.  ELF files, which are mapped in place, are also padded with zeros to whole pages; the
padding counts as part of the file, which no ELF reader minds.  Other files keep their exact size.

The archive depends on names and contents alone: no times, owners or inode numbers of the host.
"""

PAGE_BYTES = 4096
HEADER_BYTES = 110
MAGIC = b"070701"
TRAILER = b"TRAILER!!!"
ELF_MAGIC = b"\x7fELF"
FIELDS = 13  # of eight hexadecimal digits each, after the magic
MODE_DIRECTORY, MODE_PROGRAM, MODE_FILE = 0o40755, 0o100755, 0o100644


class ArchiveError(Exception):
    """The archive or a name for it is not what it must be; the text says what and where."""


def _header(inode, mode, size, name_bytes):
    links = 2 if mode == MODE_DIRECTORY else 1
    values = (inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_bytes, 0)
    return MAGIC + b"".join(b"%08X" % value for value in values)


def check_name(name):
    """Refuses names that would not be found again or lead out of the archive."""
    parts = name.split(b"/")
    if not name or b"\0" in name or any(part in (b"", b".", b"..") for part in parts):
        raise ArchiveError(f"bad file name '{name.decode(errors='replace')}'")
    if name == TRAILER:
        raise ArchiveError(f"'{TRAILER.decode()}' ends an archive and can't name a file")


def _with_directories(members):
    """Yields (name, mode, data); each directory before what it holds."""
    made = set()
    for name, data in members.items():
        check_name(name)
        parts = name.split(b"/")
        for depth in range(1, len(parts)):
            directory = b"/".join(parts[:depth])
            if directory in members:
                raise ArchiveError(f"'{directory.decode(errors='replace')}' is a file and a directory")
            if directory not in made:
                made.add(directory)
                yield directory, MODE_DIRECTORY, b""
        program = data.startswith(ELF_MAGIC)
        padding = -len(data) % PAGE_BYTES if program else 0
        yield name, MODE_PROGRAM if program else MODE_FILE, data + bytes(padding)


def write(members):
    """The archive's bytes.  members: dict of name (bytes) to contents, in order."""
    pieces, offset = [], 0

    def put(piece):
        nonlocal offset
        pieces.append(piece)
        offset += len(piece)

    for inode, (name, mode, data) in enumerate(_with_directories(members), 1):
        name += b"\0"
        align = PAGE_BYTES if data else 4
        name += bytes(-(offset + HEADER_BYTES + len(name)) % align)
        put(_header(inode, mode, len(data), len(name)) + name)
        put(data + bytes(-len(data) % 4))
    put(_header(0, 0, 0, len(TRAILER) + 1) + TRAILER + b"\0")
    put(bytes(-offset % PAGE_BYTES))
    return b"".join(pieces)


def _read_header(archive, offset):
    header = archive[offset:offset + HEADER_BYTES]
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise ArchiveError(f"no cpio newc header at byte {offset}")
    try:
        values = [int(header[6 + 8 * i:14 + 8 * i], 16) for i in range(FIELDS)]
    except ValueError:
        raise ArchiveError(f"bad cpio header at byte {offset}") from None
    return values[1], values[6], values[11]


def read(archive):
    """dict of name to contents, in order; directories are left out."""
    members, offset = {}, 0
    while True:
        mode, size, name_bytes = _read_header(archive, offset)
        data = offset + HEADER_BYTES + name_bytes
        name = archive[offset + HEADER_BYTES:data].split(b"\0")[0]
        if name == TRAILER:
            return members
        data += -data % 4
        if data + size > len(archive):
            raise ArchiveError(f"the archive ends inside '{name.decode(errors='replace')}'")
        if mode & 0o170000 == 0o100000:
            members[name] = archive[data:data + size]
        offset = data + size + -(data + size) % 4
