/* SPDX-License-Identifier: GPL-2.0 */
/* Random numbers that a seed repeats: splitmix64. */
#ifndef SC_RANDOM_H
#define SC_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t sc_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static inline uint64_t rnd(struct rng *r)
{
	return sc_mix(r->state += 0x9e3779b97f4a7c15ull);
}

/* 0 .. n - 1 */
static inline size_t below(struct rng *r, size_t n)
{
	return rnd(r) % n;
}

static inline bool one_in(struct rng *r, size_t n)
{
	return !below(r, n);
}

/* The generator of a step: depends on nothing that happened in the steps before. */
static inline struct rng rng_of_step(uint64_t seed, uint64_t process, uint64_t step)
{
	struct rng r = { sc_mix(seed + process * 0x632be59bd9b4e019ull) + step };

	r.state = rnd(&r);
	return r;
}

#endif /* SC_RANDOM_H */
