/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Input of every shape for every writable file and the device. What comes in is made by generate.c, what must come
 * out is known to model.c, which was written from the documentation, not from the module.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "random.h"
#include "sc.h"

#define LONGEST		(2 * 65536)
#define CROWD		6	/* writers at once */
#define TARGET_EXTENTS	2

struct input {
	size_t len;
	char bytes[LONGEST];
};

/* What inputs may name. */
struct scene {
	struct sc_segment target;	/* a file that is mapped here and always full */
	char dir[64];			/* with files of odd names */
	void *hugetlb;			/* a page of hugetlb, or NULL */
	pid_t bystander;		/* a process that no input names */
	pid_t dead;			/* no process */
};

extern struct scene scene;

/* --- generate.c ----------------------------------------------------------------------------- */

void make_request(struct rng *r, struct input *in);
void make_number(struct rng *r, struct input *in, long long least, long long most);
void make_tables(struct rng *r, struct input *in);
/* Puts @text in front of what it may become. */
void __printf(2, 3) input_set(struct input *in, const char *format, ...);
void mutate(struct rng *r, struct input *in);
/* Prints it so that a reader sees every byte. */
void input_print(const struct input *in);

/* --- model.c -------------------------------------------------------------------------------- */

enum kind { MALFORMED, TOO_LONG, PROCESS, RANGE, WHOLE_FILE, FILE_RANGE };

struct request {
	enum kind kind;
	uint64_t pid, start, end;
	char path[65536 + 1];
};

void model_parse(const struct input *in, struct request *request);
/* Whether sending it would take for ever, or touch what no input shall. */
bool model_must_skip(const struct request *request);
/* Whether it may be answered by @err. @alone: nobody else uses the target meanwhile. */
bool model_allows(const struct request *request, int err, bool alone);
/* A number with a sign; false if it is none that fits in 64 bits. */
bool model_signed(const struct input *in, long long *value);
bool model_number(const char *text, size_t len, uint64_t *value);
/* The same of a request to free page tables. */
bool model_reap_allows(const struct request *request, int err);
/* The same of the view of page tables. */
bool model_tables_allows(const struct input *in, int err);

/* --- the rest ------------------------------------------------------------------------------- */

struct shared {
	uint64_t seed, inputs, requests, skipped, malformed, accepted, mistakes, kills, reloads;
	bool stop;
};

extern struct shared *shared;

void __printf(2, 3) mistake(const struct input *in, const char *format, ...);
/* Writes it to a file of the directory. */
int send_input(const char *file, const struct input *in);
/* The same to the device, whose answer is looked at. */
int ask_device(struct rng *r, const struct input *in);

/* One input, to any of the files. */
void one_input(uint64_t process, uint64_t step, bool alone);
void knob_input(struct rng *r, bool alone);
void device_input(struct rng *r, bool alone);
void count_input(void);

void crowd(uint64_t inputs);		/* many writers at once */
void killed_writers(uint64_t inputs);	/* a writer that dies anywhere */
void reloads(uint64_t inputs);		/* the module goes and comes */
bool target_is_right(void);

#endif /* FUZZ_H */
