// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU plugin that counts the instructions of each block of the guest's code
 * between two marks: instructions that do nothing, which the benchmark executes
 * around a call. For a machine with one CPU.
 *
 *	-plugin count.so,out=FILE
 *
 * After each second mark the file gets a line "call" and then, for each block
 * that ran, "ADDRESS INSTRUCTIONS".
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* QEMU's interface for plugins: no package of Debian's has its header. */
typedef uint64_t plugin_id;
struct block_of_code;
struct instruction;

enum { NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*call)(plugin_id, struct block_of_code *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct block_of_code *block,
					  void (*call)(unsigned int cpu, void *data),
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *instruction,
					    void (*call)(unsigned int cpu, void *data),
					    int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct block_of_code *block);
uint64_t qemu_plugin_tb_vaddr(const struct block_of_code *block);
struct instruction *qemu_plugin_tb_get_insn(const struct block_of_code *block, size_t at);
size_t qemu_plugin_insn_data(const struct instruction *instruction, void *bytes, size_t len);

__attribute__((visibility("default"))) int qemu_plugin_version = 4;

/* As bench/functions.c has them. */
static const unsigned char begin_mark[] = { 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x4d, 0x43, 0x53 };
static const unsigned char end_mark[] = { 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x4d, 0x43, 0x53 };

struct counter {
	uint64_t address, instructions, runs;
	struct counter *next;
};

static struct counter *counters;
static bool counting;
static FILE *out;

static void block_runs(unsigned int cpu, void *data)
{
	struct counter *counter = data;

	if (counting)
		counter->runs++;
}

static void begin(unsigned int cpu, void *data)
{
	struct counter *c;

	for (c = counters; c; c = c->next)
		c->runs = 0;
	counting = true;
}

static void end(unsigned int cpu, void *data)
{
	struct counter *c;

	counting = false;
	fputs("call\n", out);
	for (c = counters; c; c = c->next)
		if (c->runs)
			fprintf(out, "%" PRIx64 " %" PRIu64 "\n", c->address,
				c->runs * c->instructions);
	fflush(out);
}

static void translated(plugin_id id, struct block_of_code *block)
{
	struct counter *counter = calloc(1, sizeof(*counter));
	unsigned char bytes[sizeof(begin_mark)];
	size_t at;

	if (!counter)
		abort();
	counter->address = qemu_plugin_tb_vaddr(block);
	counter->instructions = qemu_plugin_tb_n_insns(block);
	counter->next = counters;
	counters = counter;
	qemu_plugin_register_vcpu_tb_exec_cb(block, block_runs, NO_REGISTERS, counter);
	for (at = 0; at < counter->instructions; at++) {
		struct instruction *instruction = qemu_plugin_tb_get_insn(block, at);

		if (qemu_plugin_insn_data(instruction, bytes, sizeof(bytes)) != sizeof(bytes))
			continue;
		if (!memcmp(bytes, begin_mark, sizeof(bytes)))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, begin, NO_REGISTERS,
							       NULL);
		else if (!memcmp(bytes, end_mark, sizeof(bytes)))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, end, NO_REGISTERS,
							       NULL);
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
