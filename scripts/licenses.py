#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads the output of 'cargo metadata' and checks that each crate may be
linked with a program under GPL-2.0."""

import json
import re
import sys

# Apache-2.0 alone may not, without its exception for LLVM.
ALLOWED = {
    "GPL-2.0-only",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}


def allowed(expression):
    """Is there a way to satisfy an SPDX expression with ALLOWED alone?"""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    words = ["True" if word in ALLOWED else word for word in words]
    python = {"AND": "and", "OR": "or", "WITH": "and", "(": "(", ")": ")", "True": "True"}
    return eval(" ".join(python.get(word, "False") for word in words))


def self_test():
    for expression, expected in (
        ("MIT", True),
        ("Apache-2.0", False),
        ("Apache-2.0/MIT", True),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ("Apache-2.0 AND MIT", False),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
    ):
        assert allowed(expression) == expected, expression


def main():
    self_test()
    metadata = json.load(sys.stdin)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in used]
    bad = [
        f"{package['name']} {package['version']}: {package['license'] or 'no licence named'}"
        for package in packages
        if not package["license"] or not allowed(package["license"])
    ]
    if not packages:
        bad = ["there is no crate at all"]
    for line in bad:
        print(f"licence: {line}: not to be linked with GPL-2.0", file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
