# SPDX-License-Identifier: GPL-2.0
#
# Reads a console twice (awk -f kcsan.awk CONSOLE CONSOLE) and prints it with empty
# lines in place of those data races of which neither access is code of the module
# or of one that is planted. -v others= is a file for their pairs of functions, each
# with the number of reports.
#
# The title of a report has both accesses, and of which module they are; the lines
# of a report are those of one task or CPU between two lines of "=", where the
# kernel prints who speaks (CONFIG_PRINTK_CALLER).

function caller(line)
{
	return match(line, /^\[ *[0-9]+\.[0-9]+\]\[ *[TC][0-9]+\]/) ? substr(line, RSTART, RLENGTH) : ""
}

# The part that does not change from line to line.
function who(line,    c)
{
	c = caller(line)
	sub(/^\[[^]]*\]/, "", c)
	return c
}

{ sub(/\r$/, "") }

FNR == NR {
	w = who($0)
	line = /(\] |^)=+$/
	if (w in foreign) {
		drop[FNR] = 1
		if (line)
			delete foreign[w]
	} else if (line) {
		begin[w] = FNR
		next
	} else if ((w in begin) && /BUG: KCSAN: / && !/\[shmem_collapse(_plant)?\]/) {
		foreign[w] = 1
		drop[begin[w]] = drop[FNR] = 1
		pair = $0
		sub(/.*BUG: KCSAN: ([a-z-]+ in )?/, "", pair)
		gsub(/\+0x[0-9a-f]+\/0x[0-9a-f]+/, "", pair)
		pairs[pair]++
	}
	delete begin[w]
	next
}

{ print (FNR in drop) ? "" : $0 }

END {
	for (pair in pairs)
		printf "%6d %s\n", pairs[pair], pair | ("sort -rn >" others)
}
