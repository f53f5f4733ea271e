# SPDX-License-Identifier: GPL-2.0
"""Configuration of sphinx-build for this manual."""

project = "shmem_collapse"
root_doc = "index"
html_theme = "alabaster"
exclude_patterns = ["ABI", "_build"]
