#!/usr/bin/env python3
# A build tool over ctypes and bit fields; its test is that the committed programs come out, byte for byte.
# ruff: noqa
# mypy: ignore-errors
"""Turn the LLVM bitcode (or eBPF object) of one Rust crate into a Solana sBPF ELF. Standard library only.

    sbpf_link.py [--arch v3|v0|both] [--entry entrypoint] [--strip] -o out.so in.o

rustc calls it as its linker (target sbpf-solana.json); it can also be run by hand on an object.
1. Bitcode is compiled by the LLVM shared library that rustc itself uses (ctypes; no llc needed).
2. u64/i64 checked and 128-bit multiplication and signed division, which the BPF back end cannot select, are expanded inline.
3. memcpy, memmove, memset, memcmp and bcmp become small stubs that call the sol_mem*_ syscalls.
4. The object is relinked:
   v3: static syscalls (murmur3-32 of the name in the call), rodata at 0, bytecode at 1<<32, no relocations.
   v0: rodata and bytecode at 1<<32, syscalls as dynamic R_BPF_64_32 relocations.
both: v3 to out.so and v0 to out.v0.so
Environment: SBPF_ARCH (default v3), SBPF_STRIP=1, SBPF_LIBLLVM (path of libLLVM.so), SBPF_KEEP=dir (keep bitcode and object).
"""

import argparse, ctypes, glob, os, struct, subprocess, sys

EM_BPF, ET_REL, ET_DYN = 247, 1, 3
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_DYNAMIC, SHT_NOBITS, SHT_REL, SHT_DYNSYM = 1, 2, 3, 4, 6, 8, 9, 11
SHF_WRITE, SHF_ALLOC, SHF_EXEC = 1, 2, 4
R_64_64, R_ABS64, R_ABS32, R_NODYLD32, R_64_32 = 1, 2, 3, 4, 10
VADDR = 1 << 32
LDDW, CALL, CALLX = 0x18, 0x85, 0x8D


SYSCALLS = frozenset(
    """abort sol_panic_ sol_log_ sol_log_64_ sol_log_compute_units_ sol_log_pubkey sol_log_data
sol_memcpy_ sol_memmove_ sol_memset_ sol_memcmp_ sol_sha256 sol_keccak256 sol_blake3 sol_secp256k1_recover
sol_create_program_address sol_try_find_program_address sol_invoke_signed_c sol_invoke_signed_rust
sol_set_return_data sol_get_return_data sol_get_stack_height sol_get_processed_sibling_instruction
sol_get_clock_sysvar sol_get_rent_sysvar sol_get_epoch_schedule_sysvar sol_get_last_restart_slot sol_get_sysvar
sol_remaining_compute_units sol_sha512 sol_keccak_p1600 sol_poseidon sol_big_mod_exp sol_get_epoch_stake
sol_curve_validate_point sol_curve_group_op sol_curve_multiscalar_mul sol_curve_pairing_map sol_curve_decompress
sol_alt_bn128_group_op sol_alt_bn128_compression sol_get_leader""".split()
)


def insn(op, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", op, dst | src << 4, off, imm)


SYSCALL_CALL = insn(0x85, imm=-1)
KEEP_R1 = insn(0xBF, 6, 1) + SYSCALL_CALL + insn(0xBF, 0, 6) + insn(0x95)  # r6 is saved by the VM on calls
COMPARE = (
    insn(0xBF, 4, 10)
    + insn(0x07, 4, imm=-8)
    + SYSCALL_CALL
    + insn(0x61, 0, 10, -8)
    + insn(0x67, 0, imm=32)
    + insn(0xC7, 0, imm=32)
    + insn(0x95)
)
# name: (syscall, code); the one SYSCALL_CALL in the code is bound to the syscall
STUBS = {
    "memcpy": ("sol_memcpy_", KEEP_R1),
    "memmove": ("sol_memmove_", KEEP_R1),
    "memset": ("sol_memset_", KEEP_R1),
    "memcmp": ("sol_memcmp_", COMPARE),
    "bcmp": ("sol_memcmp_", COMPARE),
    "__bpf_trap": ("abort", SYSCALL_CALL + insn(0x95)),
}


class LinkError(Exception):
    pass


def murmur3_32(data: bytes, seed: int = 0) -> int:
    m = 0xFFFFFFFF
    h = seed
    rotl = lambda x, r: ((x << r) | (x >> (32 - r))) & m
    full = len(data) // 4 * 4
    for i in range(0, full, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = rotl(k * 0xCC9E2D51 & m, 15) * 0x1B873593 & m
        h = (rotl(h ^ k, 13) * 5 + 0xE6546B64) & m
    if data[full:]:
        k = int.from_bytes(data[full:], "little")
        h ^= rotl(k * 0xCC9E2D51 & m, 15) * 0x1B873593 & m
    h ^= len(data)
    h = (h ^ (h >> 16)) * 0x85EBCA6B & m
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & m
    return h ^ (h >> 16)


def cstr(b, o):
    return b[o : b.index(b"\0", o)].decode()


class Obj:
    def __init__(self, b):
        if b[:4] != b"\x7fELF" or b[4] != 2 or b[5] != 1:
            raise LinkError("not a little-endian ELF64")
        (et, em, _, _, _, shoff, _, _, _, _, shes, shn, shs) = struct.unpack_from("<HHIQQQIHHHHHH", b, 16)
        if et != ET_REL or em != EM_BPF:
            raise LinkError(f"want ET_REL EM_BPF, have type {et} machine {em}")
        self.sec = []
        for i in range(shn):
            n, t, f, a, o, s, l, inf, al, es = struct.unpack_from("<IIQQQQIIQQ", b, shoff + i * shes)
            self.sec.append(
                dict(
                    n=n,
                    type=t,
                    flags=f,
                    size=s,
                    link=l,
                    info=inf,
                    align=al,
                    data=bytearray(b[o : o + s]) if t != SHT_NOBITS else bytearray(),
                )
            )
        names = bytes(self.sec[shs]["data"])
        for s in self.sec:
            s["name"] = cstr(names, s["n"])
        self.sym = []
        for s in self.sec:
            if s["type"] == SHT_SYMTAB:
                st = bytes(self.sec[s["link"]]["data"])
                for o in range(0, s["size"], 24):
                    n, info, oth, shx, v, sz = struct.unpack_from("<IBBHQQ", s["data"], o)
                    self.sym.append(dict(name=cstr(st, n), bind=info >> 4, type=info & 15, shndx=shx, value=v, size=sz))


OK_ALU = {x | c for c in (4, 7) for o in range(0, 0xD0, 0x10) for x in (o, o | 8)} | {0xD4, 0xDC}
OK_JMP = {0x05, 0x85, 0x8D, 0x95} | {
    o | 5 | s for o in (0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0, 0xD0) for s in (0, 8)
}
OK_MEM = {0x61, 0x69, 0x71, 0x79, 0x62, 0x6A, 0x72, 0x7A, 0x63, 0x6B, 0x73, 0x7B, LDDW}


def check_code(text):
    i = 0
    while i < len(text):
        op, regs, off, imm = struct.unpack_from("<BBhi", text, i)
        if op not in OK_ALU | OK_JMP | OK_MEM:
            raise LinkError(
                f"opcode {op:#x} at insn {i // 8} is not sBPF (atomics, sdiv, movsx, jmp32 need another -mcpu)"
            )
        # sBPF sign-extends add32/sub32/mul32 where eBPF zero-extends; refuse rather than miscompile.
        if op & 7 == 4 and op not in (0xD4, 0xDC):
            raise LinkError(f"32-bit ALU opcode {op:#x} at insn {i // 8}: build with -mcpu=v2 (no alu32)")
        if op & 7 in (4, 7) and op not in (0xD4, 0xDC) and off:
            raise LinkError(f"ALU opcode {op:#x} with offset {off} at insn {i // 8} (v4 encoding)")
        i += 16 if op == LDDW else 8


def align(n, a):
    return (n + a - 1) // a * a


def link(obj, arch, entry, strip=False):
    v3 = arch == "v3"
    text, ro = [], []
    for i, s in enumerate(obj.sec):
        if not s["flags"] & SHF_ALLOC or not (s["size"] or s["flags"] & SHF_EXEC):
            continue
        if s["flags"] & SHF_EXEC:
            if s["size"]:
                text.append(i)
        elif s["type"] == SHT_NOBITS or (s["flags"] & SHF_WRITE and not s["name"].startswith(".data.rel.ro")):
            raise LinkError(f"writable section {s['name']} ({s['size']} bytes): sBPF has no mutable statics")
        elif s["name"] == ".eh_frame":
            continue
        else:
            ro.append(i)
    place = {}

    def pack(ids):
        b = bytearray()
        for i in ids:
            b += bytes(align(len(b), max(8, obj.sec[i]["align"])) - len(b))
            place[i] = (ids is text, len(b))
            b += obj.sec[i]["data"]
        b += bytes(align(len(b), 8) - len(b))
        return b

    code, rod = pack(text), pack(ro)
    if not code:
        raise LinkError("no code")
    used = {
        obj.sym[struct.unpack_from("<QQ", r["data"], o)[1] >> 32]["name"]
        for r in obj.sec
        if r["type"] == SHT_REL and r["info"] in place
        for o in range(0, r["size"], 16)
        if not obj.sym[struct.unpack_from("<QQ", r["data"], o)[1] >> 32]["shndx"]
    }
    stubs = {}
    for name in sorted(used & set(STUBS)):
        stubs[name] = len(code)
        code += STUBS[name][1]
    if v3:
        hdr = 64 + 2 * 56
        ro_off, text_off = hdr, hdr + len(rod)
        ro_va, text_va = 0, VADDR
    else:
        hdr = 64 + 3 * 56
        text_off = align(hdr, 8)
        ro_off = text_off + len(code)
        ro_va, text_va = VADDR + ro_off, VADDR + text_off

    def addr(sym, addend):
        if sym["shndx"] not in place:
            raise LinkError(f"address of undefined or dropped symbol {sym['name'] or sym['shndx']}")
        is_text, at = place[sym["shndx"]]
        return (text_va if is_text else ro_va) + at + sym["value"] + addend

    dyn = []

    def bind(buf, at, name):
        buf[at + 1] = 0
        if v3:
            struct.pack_into("<I", buf, at + 4, murmur3_32(name.encode()))
        else:
            dyn.append((at, name))

    for name, at in stubs.items():
        bind(code, at + STUBS[name][1].index(SYSCALL_CALL), STUBS[name][0])
    for r in obj.sec:
        if r["type"] not in (SHT_REL, SHT_RELA) or r["info"] not in place:
            continue
        if r["type"] == SHT_RELA:
            raise LinkError("RELA relocations are not expected for BPF")
        is_text, base = place[r["info"]]
        buf = code if is_text else rod
        for o in range(0, r["size"], 16):
            off, info = struct.unpack_from("<QQ", r["data"], o)
            t, sym, at = info & 0xFFFFFFFF, obj.sym[info >> 32], base + off
            if t == R_64_64 and is_text:
                (lo,) = struct.unpack_from("<I", buf, at + 4)
                (hi,) = struct.unpack_from("<I", buf, at + 12)
                a = addr(sym, hi << 32 | lo)
                struct.pack_into("<I", buf, at + 4, a & 0xFFFFFFFF)
                struct.pack_into("<I", buf, at + 12, a >> 32)
            elif t == R_64_32 and is_text:
                (imm,) = struct.unpack_from("<i", buf, at + 4)
                if sym["shndx"]:
                    tgt = place[sym["shndx"]][1] + sym["value"] + (imm + 1) * 8
                    buf[at + 1] = 0x10
                    struct.pack_into("<i", buf, at + 4, (tgt - at) // 8 - 1)
                elif sym["name"] in stubs:
                    buf[at + 1] = 0x10
                    struct.pack_into("<i", buf, at + 4, (stubs[sym["name"]] + (imm + 1) * 8 - at) // 8 - 1)
                elif sym["name"] not in SYSCALLS:
                    raise LinkError(f"undefined function {sym['name']}: not a Solana syscall")
                elif imm != -1:
                    raise LinkError(f"call to undefined {sym['name']} with addend {imm}")
                else:
                    bind(buf, at, sym["name"])
            elif t == R_ABS64:
                (a0,) = struct.unpack_from("<Q", buf, at)
                struct.pack_into("<Q", buf, at, addr(sym, a0))
            else:
                raise LinkError(f"relocation type {t} in {obj.sec[r['info']]['name']}")
    check_code(code)
    if not v3:
        for o in range(0, len(code), 8):
            if code[o] == CALLX:
                struct.pack_into("<BBhi", code, o, CALLX, 0, 0, code[o + 1] & 15)
    ent = [s for s in obj.sym if s["name"] == entry and s["shndx"] in place]
    if not ent:
        raise LinkError(f"no {entry} symbol")
    e_entry = addr(ent[0], 0)
    funcs = sorted(
        (
            (addr(s, 0), s["name"], s["size"])
            for s in obj.sym
            if s["type"] == 2 and s["shndx"] in place and place[s["shndx"]][0]
        )
    )
    funcs = [] if strip else sorted(funcs + [(text_va + at, name, len(STUBS[name][1])) for name, at in stubs.items()])
    return emit_v3(code, rod, e_entry, funcs) if v3 else emit_v0(code, rod, text_off, ro_off, e_entry - VADDR, dyn)


def strtab(names):
    b, at = bytearray(b"\0"), {"": 0}
    for n in names:
        if n not in at:
            at[n] = len(b)
            b += n.encode() + b"\0"
    return bytes(b), at


def ehdr(etype, entry, shoff, flags, phn, shn, shs):
    return struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1" + bytes(9),
        etype,
        EM_BPF,
        1,
        entry,
        64,
        shoff,
        flags,
        64,
        56,
        phn,
        64,
        shn,
        shs,
    )


def tail(out, secs):
    """Append non-loaded section bodies and the header table; secs: (name,type,flags,addr,off|None,data,link,info,align,entsize)"""
    names, at = strtab([s[0] for s in secs] + [".shstrtab"])
    secs = secs + [(".shstrtab", SHT_STRTAB, 0, 0, None, names, 0, 0, 1, 0)]
    hdrs = [bytes(64)]
    for n, t, f, a, off, d, l, inf, al, es in secs:
        if off is None:
            out += bytes(align(len(out), al) - len(out))
            off = len(out)
            out += d
        hdrs.append(struct.pack("<IIQQQQIIQQ", at[n], t, f, a, off, len(d), l, inf, al, es))
    out += bytes(align(len(out), 8) - len(out))
    return len(out), b"".join(hdrs), len(hdrs)


def emit_v3(code, rod, entry, funcs):
    ro_off = 64 + 112
    text_off = ro_off + len(rod)
    ph = struct.pack("<IIQQQQQQ", 1, 4, ro_off, 0, 0, len(rod), len(rod), 8)
    ph += struct.pack("<IIQQQQQQ", 1, 1, text_off, VADDR, VADDR, len(code), len(code), 8)
    out = bytearray(64) + ph + rod + code
    secs = [
        (".rodata", SHT_PROGBITS, SHF_ALLOC, 0, ro_off, rod, 0, 0, 8, 0),
        (".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXEC, VADDR, text_off, code, 0, 0, 8, 0),
    ]
    if funcs:
        st, at = strtab([n for _, n, _ in funcs])
        syms = bytes(24) + b"".join(struct.pack("<IBBHQQ", at[n], 0x12, 0, 2, a, z) for a, n, z in funcs)
        secs += [
            (".symtab", SHT_SYMTAB, 0, 0, None, syms, 4, 1, 8, 24),
            (".strtab", SHT_STRTAB, 0, 0, None, st, 0, 0, 1, 0),
        ]
    shoff, hdrs, n = tail(out, secs)
    out += hdrs
    out[:64] = ehdr(ET_DYN, entry, shoff, 3, 2, n, n - 1)
    return bytes(out)


def emit_v0(code, rod, text_off, ro_off, entry, dyn):
    names, at = strtab([n for _, n in dyn])
    order = list(dict.fromkeys(n for _, n in dyn))
    syms = bytes(24) + b"".join(struct.pack("<IBBHQQ", at[n], 0x10, 0, 0, 0, 0) for n in order)
    rels = b"".join(struct.pack("<QQ", text_off + o, (order.index(n) + 1) << 32 | R_64_32) for o, n in dyn)
    out = bytearray(text_off) + code + rod
    dyn_off = len(out)
    ndyn = 7 if dyn else 1
    dsym = dyn_off + ndyn * 16
    dstr = dsym + len(syms)
    drel = align(dstr + len(names), 8)
    ent = ([(17, drel), (18, len(rels)), (19, 16), (6, dsym), (5, dstr), (10, len(names))] if dyn else []) + [(0, 0)]
    body = b"".join(struct.pack("<QQ", *e) for e in ent)
    out += body + syms + names
    out += bytes(drel - len(out)) + rels
    end = len(out)
    secs = [(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXEC, text_off, text_off, code, 0, 0, 8, 0)]
    if rod:
        secs.append((".rodata", SHT_PROGBITS, SHF_ALLOC, ro_off, ro_off, rod, 0, 0, 8, 0))
    k = len(secs) + 1
    if dyn:
        secs += [
            (".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, dyn_off, dyn_off, body, k + 2, 0, 8, 16),
            (".dynsym", SHT_DYNSYM, SHF_ALLOC, dsym, dsym, syms, k + 2, 1, 8, 24),
            (".dynstr", SHT_STRTAB, SHF_ALLOC, dstr, dstr, names, 0, 0, 1, 0),
            (".rel.dyn", SHT_REL, SHF_ALLOC, drel, drel, rels, k + 1, 0, 8, 16),
        ]
    ph = struct.pack("<IIQQQQQQ", 1, 5, text_off, text_off, text_off, len(code) + len(rod), len(code) + len(rod), 8)
    ph += struct.pack("<IIQQQQQQ", 1, 4, dyn_off, dyn_off, dyn_off, end - dyn_off, end - dyn_off, 8)
    if dyn:
        ph += struct.pack("<IIQQQQQQ", 2, 6, dyn_off, dyn_off, dyn_off, len(body), len(body), 8)
    else:
        ph += bytes(56)
    shoff, hdrs, n = tail(out, secs)
    out += hdrs
    out[:64] = ehdr(ET_DYN, entry, shoff, 0, 3 if dyn else 2, n, n - 1)
    out[64 : 64 + len(ph)] = ph
    return bytes(out)


def find_libllvm():
    """The LLVM that rustc was built with: same version, so it always reads the bitcode rustc writes."""
    if os.environ.get("SBPF_LIBLLVM"):
        return os.environ["SBPF_LIBLLVM"]
    rustc = os.environ.get("RUSTC", "rustc")
    run = lambda *a: subprocess.run([rustc, *a], check=True, capture_output=True, text=True).stdout
    major = run("-vV").split("LLVM version: ")[1].split(".")[0]
    root = run("--print", "sysroot").strip()
    for pat in (
        f"{root}/lib/libLLVM.so.{major}*",
        f"{root}/lib/libLLVM-{major}*",
        f"{root}/lib/*/libLLVM.so.{major}*",
        f"/usr/lib/*/libLLVM.so.{major}*",
        f"/usr/lib/llvm-{major}/lib/libLLVM*.so*",
    ):
        if glob.glob(pat):
            return sorted(glob.glob(pat))[0]
    raise LinkError(f"no shared libLLVM {major} found; set SBPF_LIBLLVM")


# What the BPF back end cannot select, as functions that are inlined in place of the instruction or intrinsic.
HELPERS = b"""
define i64 @sbpf.sdiv(i64 %a, i64 %b) alwaysinline {
  %sa = ashr i64 %a, 63
  %sb = ashr i64 %b, 63
  %xa = xor i64 %a, %sa
  %ua = sub i64 %xa, %sa
  %xb = xor i64 %b, %sb
  %ub = sub i64 %xb, %sb
  %q = udiv i64 %ua, %ub
  %s = xor i64 %sa, %sb
  %xq = xor i64 %q, %s
  %r = sub i64 %xq, %s
  ret i64 %r
}
define i64 @sbpf.srem(i64 %a, i64 %b) alwaysinline {
  %q = call i64 @sbpf.sdiv(i64 %a, i64 %b)
  %p = mul i64 %q, %b
  %r = sub i64 %a, %p
  ret i64 %r
}
define {i64, i1} @sbpf.umulo(i64 %a, i64 %b) alwaysinline {
  %lo = mul i64 %a, %b
  %zero = icmp eq i64 %a, 0
  %d = select i1 %zero, i64 1, i64 %a
  %q = udiv i64 %lo, %d
  %ne = icmp ne i64 %q, %b
  %o = select i1 %zero, i1 false, i1 %ne
  %r = insertvalue {i64, i1} poison, i64 %lo, 0
  %s = insertvalue {i64, i1} %r, i1 %o, 1
  ret {i64, i1} %s
}
define {i64, i1} @sbpf.smulo(i64 %a, i64 %b) alwaysinline {
  %lo = mul i64 %a, %b
  %sa = ashr i64 %a, 63
  %sb = ashr i64 %b, 63
  %xa = xor i64 %a, %sa
  %ua = sub i64 %xa, %sa
  %xb = xor i64 %b, %sb
  %ub = sub i64 %xb, %sb
  %m = call {i64, i1} @sbpf.umulo(i64 %ua, i64 %ub)
  %mag = extractvalue {i64, i1} %m, 0
  %mo = extractvalue {i64, i1} %m, 1
  %s = xor i64 %sa, %sb
  %limit = sub i64 9223372036854775807, %s
  %big = icmp ugt i64 %mag, %limit
  %o = or i1 %mo, %big
  %r = insertvalue {i64, i1} poison, i64 %lo, 0
  %t = insertvalue {i64, i1} %r, i1 %o, 1
  ret {i64, i1} %t
}
define i128 @sbpf.mul128(i128 %a, i128 %b) alwaysinline {
  %al = trunc i128 %a to i64
  %bl = trunc i128 %b to i64
  %as = lshr i128 %a, 64
  %bs = lshr i128 %b, 64
  %ah = trunc i128 %as to i64
  %bh = trunc i128 %bs to i64
  %a0 = and i64 %al, 4294967295
  %a1 = lshr i64 %al, 32
  %b0 = and i64 %bl, 4294967295
  %b1 = lshr i64 %bl, 32
  %p00 = mul i64 %a0, %b0
  %p10 = mul i64 %a1, %b0
  %p01 = mul i64 %a0, %b1
  %p11 = mul i64 %a1, %b1
  %c0 = lshr i64 %p00, 32
  %m = add i64 %p10, %c0
  %m0 = and i64 %m, 4294967295
  %m1 = lshr i64 %m, 32
  %n = add i64 %p01, %m0
  %n1 = lshr i64 %n, 32
  %h0 = add i64 %p11, %m1
  %h1 = add i64 %h0, %n1
  %x0 = mul i64 %al, %bh
  %x1 = mul i64 %ah, %bl
  %h2 = add i64 %h1, %x0
  %h3 = add i64 %h2, %x1
  %lo = mul i64 %al, %bl
  %hz = zext i64 %h3 to i128
  %hs = shl i128 %hz, 64
  %lz = zext i64 %lo to i128
  %r = or i128 %hs, %lz
  ret i128 %r
}
"""
OPCODES = {(15, 64): b"sbpf.sdiv", (18, 64): b"sbpf.srem", (12, 128): b"sbpf.mul128"}  # LLVMSDiv, LLVMSRem, LLVMMul
INTRINSICS = {b"llvm.umul.with.overflow.i64": b"sbpf.umulo", b"llvm.smul.with.overflow.i64": b"sbpf.smulo"}


def expand(api, ctx, mod, machine):
    """Replace the operations of OPCODES and INTRINSICS by inlined HELPERS."""
    P, S, I, REF = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER
    first_fn, next_fn, first_bb, next_bb, first_in, next_in, opcode, typeof, callee, value_type = (
        api(n, P, P)
        for n in (
            "GetFirstFunction",
            "GetNextFunction",
            "GetFirstBasicBlock",
            "GetNextBasicBlock",
            "GetFirstInstruction",
            "GetNextInstruction",
            "GetInstructionOpcode",
            "TypeOf",
            "GetCalledValue",
            "GlobalGetValueType",
        )
    )
    kind, width, name_of = (
        api("GetTypeKind", I, P),
        api("GetIntTypeWidth", ctypes.c_uint, P),
        api("GetValueName2", P, P, REF(ctypes.c_size_t)),
    )
    hits, n = [], ctypes.c_size_t()
    f = first_fn(mod)
    while f:
        b = first_bb(f)
        while b:
            i = first_in(b)
            while i:
                op, helper = opcode(i), None
                if op == 45:  # LLVMCall
                    name = name_of(callee(i), n)
                    helper = INTRINSICS.get(ctypes.string_at(name, n.value))
                elif op in (12, 15, 18) and kind(typeof(i)) == 8:  # LLVMIntegerTypeKind
                    bits = width(typeof(i))
                    helper = OPCODES.get((op, 64 if op != 12 and bits < 64 else bits))
                if helper:
                    hits.append((i, helper))
                i = next_in(i)
            b = next_bb(b)
        f = next_fn(f)
    if not hits:
        return
    err, extra = S(), P()
    buf = api("CreateMemoryBufferWithMemoryRangeCopy", P, S, ctypes.c_size_t, S)(HELPERS, len(HELPERS), b"helpers")
    if api("ParseIRInContext", I, P, P, REF(P), REF(S))(ctx, buf, extra, err):
        raise LinkError(err.value.decode())
    api("SetDataLayout", None, P, S)(extra, api("GetDataLayoutStr", S, P)(mod))
    api("SetTarget", None, P, S)(extra, api("GetTarget", S, P)(mod))
    if api("LinkModules2", I, P, P)(mod, extra):
        raise LinkError("cannot link the helpers")
    named = {h: api("GetNamedFunction", P, P, S)(mod, h) for h in (*OPCODES.values(), *INTRINSICS.values())}
    for fn in named.values():
        api("SetLinkage", None, P, I)(fn, 8)  # internal
    builder = api("CreateBuilderInContext", P, P)(ctx)
    int64 = api("Int64TypeInContext", P, P)(ctx)
    for i, helper in hits:
        fn = named[helper]
        ops = (P * 2)(*(api("GetOperand", P, P, ctypes.c_uint)(i, k) for k in (0, 1)))
        api("PositionBuilderBefore", None, P, P)(builder, i)
        narrow = opcode(i) != 45 and width(typeof(i)) < 64
        if narrow:
            ops = (P * 2)(*(api("BuildSExt", P, P, P, P, S)(builder, o, int64, b"") for o in ops))
        new = api("BuildCall2", P, P, P, P, REF(P), ctypes.c_uint, S)(builder, value_type(fn), fn, ops, 2, b"")
        if narrow:
            new = api("BuildTrunc", P, P, P, P, S)(builder, new, typeof(i), b"")
        api("ReplaceAllUsesWith", None, P, P)(i, new)
        api("InstructionEraseFromParent", None, P)(i)
    opts = api("CreatePassBuilderOptions", P)()
    if api("RunPasses", P, P, S, P, P)(mod, b"always-inline,function(instsimplify,dce),globaldce", machine, opts):
        raise LinkError("the inlining pass failed")


def explain(message):
    where, _, what = message.partition("in function ")[2].partition(" ")
    for sign, text in (
        ("BPF stack limit", "stack frame above 4096 bytes"),
        ("stack arguments", "more than 5 register arguments and not inlined (pass a struct by reference)"),
        ("too many arguments", "calls a function with more than 5 register arguments"),
        ("only small returns", "uses a 128-bit or float run-time function"),
        ("built-in function", "needs " + what.split("'")[1] if "'" in what else ""),
    ):
        if sign in what:
            return f"{where}: {text}"
    return message


def codegen(bitcode, cpu="v2", features="+allows-misaligned-mem-access", stack=4096):
    """Bitcode to eBPF object through the LLVM C API. Errors and the stack warning are fatal."""
    lib, P = ctypes.CDLL(find_libllvm()), ctypes.c_void_p
    S, REF = ctypes.c_char_p, ctypes.POINTER

    def api(name, res, *args):
        f = getattr(lib, "LLVM" + name)
        f.restype, f.argtypes = res, args
        return f

    for n in ("TargetInfo", "Target", "TargetMC", "AsmPrinter", "AsmParser"):
        api("InitializeBPF" + n, None)()
    argv = (S * 2)(b"sbpf_link", f"-bpf-stack-size={stack}".encode())
    api("ParseCommandLineOptions", None, ctypes.c_int, REF(S), S)(2, argv, None)
    ctx = api("ContextCreate", P)()
    severity, text = api("GetDiagInfoSeverity", ctypes.c_int, P), api("GetDiagInfoDescription", P, P)
    said = []
    handler = ctypes.CFUNCTYPE(None, P, P)(
        lambda d, _: said.append((severity(d), ctypes.string_at(text(d)).decode().strip()))
    )
    api("ContextSetDiagnosticHandler", None, P, P, P)(ctx, ctypes.cast(handler, P), None)
    buf = api("CreateMemoryBufferWithMemoryRangeCopy", P, S, ctypes.c_size_t, S)(bitcode, len(bitcode), b"in")
    mod, target, out, err = P(), P(), P(), S()
    if api("ParseBitcodeInContext2", ctypes.c_int, P, P, REF(P))(ctx, buf, mod):
        raise LinkError(f"LLVM cannot read the bitcode: {said}")
    if api("GetTargetFromTriple", ctypes.c_int, S, REF(P), REF(S))(b"bpfel", target, err):
        raise LinkError(f"LLVM has no BPF back end: {err.value}")
    machine = api("CreateTargetMachine", P, P, S, S, S, ctypes.c_int, ctypes.c_int, ctypes.c_int)(
        target, b"bpfel", cpu.encode(), features.encode(), 3, 0, 0
    )
    expand(api, ctx, mod, machine)
    failed = api("TargetMachineEmitToMemoryBuffer", ctypes.c_int, P, P, ctypes.c_int, REF(S), REF(P))(
        machine, mod, 1, err, out
    )
    stubbed = tuple(f"built-in function '{n}' is not supported." for n in STUBS)  # the linker supplies these
    bad = [m for sev, m in said if sev < 2 and not m.endswith(stubbed)]
    if failed or bad:
        raise LinkError("\n  ".join(dict.fromkeys(map(explain, bad))) or err.value.decode())
    return ctypes.string_at(api("GetBufferStart", P, P)(out), api("GetBufferSize", ctypes.c_size_t, P)(out))


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("--arch", default=os.environ.get("SBPF_ARCH", "v3"), choices=("v3", "v0", "both"))
    p.add_argument("--entry", default="entrypoint")
    p.add_argument("--strip", action="store_true", default=os.environ.get("SBPF_STRIP") == "1")
    p.add_argument("-o", required=True)
    p.add_argument("inputs", nargs="+")
    a, _ = p.parse_known_args()
    ins = [i for i in a.inputs if i.endswith(".o") and os.path.basename(i) != "symbols.o"]
    if len(ins) != 1:
        sys.exit(f"sbpf_link: want one object (build with fat LTO and one codegen unit), have {a.inputs}")
    b, keep = open(ins[0], "rb").read(), os.environ.get("SBPF_KEEP")
    try:
        if b[:4] in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
            if keep:
                open(os.path.join(keep, os.path.basename(a.o) + ".bc"), "wb").write(b)
            b = codegen(b)
        if keep:
            open(os.path.join(keep, os.path.basename(a.o) + ".o"), "wb").write(b)
        for arch in ("v3", "v0") if a.arch == "both" else (a.arch,):
            elf = link(Obj(b), arch, a.entry, a.strip)
            with open(a.o.removesuffix(".so") + ".v0.so" if (a.arch, arch) == ("both", "v0") else a.o, "wb") as f:
                f.write(elf)
    except LinkError as e:
        sys.exit(f"sbpf_link: {e}")


if __name__ == "__main__":
    main()
