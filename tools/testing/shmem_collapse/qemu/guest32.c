// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel for "qemu-system-x86_64 -kernel": fills the guest's memory, checks
 * it, and fills it again with other numbers. Each round that was right puts a
 * "." on the debug port 0xe9, a wrong word an "X".
 */
#include <stdint.h>

#define FIRST	((uint32_t *)(2u << 20))
#define END	((uint32_t *)(32u << 20))

/* Header for Multiboot (magic, no flags, checksum), entry, stack. */
asm(".section .text.header, \"ax\"\n"
	".balign 4\n"
	".long 0x1badb002, 0, -0x1badb002\n"
	".globl entry\n"
	"entry:\n"
	"	mov $stack, %esp\n"
	"	call _start\n"
	".bss\n"
	".align 16\n"
	".skip 4096\n"
	"stack:\n"
	".text\n");

static void say(char c)
{
	asm volatile("outb %0, $0xe9" : : "a" (c) : "memory");
}

void _start(void)
{
	uint32_t *p;
	uint32_t round;

	/* A word in 64 bytes: every page, and more than one word of it. */
	for (round = 1;; round++) {
		for (p = FIRST; p < END; p += 16)
			*p = (uintptr_t)p ^ round;
		asm volatile("" : : : "memory");
		for (p = FIRST; p < END; p += 16)
			if (*p != ((uintptr_t)p ^ round))
				say('X');
		say('.');
	}
}
