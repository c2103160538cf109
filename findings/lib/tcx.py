"""bpf(2) by number, on x86-64: loads a classifier that returns a number, attaches it by TCX."""

import ctypes
import os
import struct

BPF, PROG_LOAD, OBJ_GET_INFO_BY_FD, LINK_CREATE = 321, 5, 15, 28
SCHED_CLS, TCX_INGRESS, TCX_EGRESS = 3, 46, 47
library = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 160)
    result = library.syscall(BPF, command, buffer, 160)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def load(result, name=b"finding"):
    """A program `return result`; its file descriptor."""
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, result, 0x95, 0, 0, 0), 16)
    licence = ctypes.create_string_buffer(b"GPL")
    addresses = ctypes.addressof(code), ctypes.addressof(licence)
    return bpf(PROG_LOAD, struct.pack("<IIQQIIQII16s", SCHED_CLS, 2, *addresses, 0, 0, 0, 0, 0, name))


def attach(program, interface, hook=TCX_INGRESS):
    """A link; the program is attached while its file descriptor is open."""
    return bpf(LINK_CREATE, struct.pack("<IIII", program, interface, hook, 0))


def interface_of(link):
    """The index in a link's information (struct bpf_link_info: type, id, prog_id, padding, ifindex, attach_type)."""
    information = ctypes.create_string_buffer(64)
    bpf(OBJ_GET_INFO_BY_FD, struct.pack("<IIQ", link, 64, ctypes.addressof(information)))
    return struct.unpack_from("<I", information, 16)[0]

