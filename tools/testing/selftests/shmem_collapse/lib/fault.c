// SPDX-License-Identifier: GPL-2.0
/* Fault points and delays, which the module of a debug kernel has in debugfs. */
#include "sc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_TRIES	60000

bool sc_has_faults(void)
{
	return !access(SC_FAULT_DIR "/fail", W_OK);
}

int sc_fail(const char *point, unsigned int count, unsigned int skip)
{
	char line[64];

	snprintf(line, sizeof(line), "%s,%u,%u", point, count, skip);
	return sc_write_file(SC_FAULT_DIR "/fail", line);
}

int sc_delay(const char *place, unsigned int ms)
{
	char line[64];

	snprintf(line, sizeof(line), "%s,%u", place, ms);
	return sc_write_file(SC_FAULT_DIR "/delay", line);
}

void sc_faults_off(void)
{
	if (sc_has_faults()) {
		sc_write_file(SC_FAULT_DIR "/fail", "off");
		sc_write_file(SC_FAULT_DIR "/delay", "off");
	}
}

/* The last number of the line that begins with @name, or -1. */
static long last_number(const char *path, const char *name)
{
	char text[4096], *line, *save;
	size_t len = strlen(name);
	long armed, number;

	if (sc_read_file(path, text, sizeof(text)))
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, name, len) &&
		    sscanf(line + len, " %ld %ld", &armed, &number) == 2)
			return number;
	return -1;
}

long sc_failed(const char *point)
{
	return last_number(SC_FAULT_DIR "/fail", point);
}

bool sc_delay_waiting(const char *place)
{
	return last_number(SC_FAULT_DIR "/delay", place) > 0;
}

int sc_delay_reached(const char *place)
{
	int tries;

	for (tries = 0; tries < WAIT_TRIES; tries++) {
		if (sc_delay_waiting(place))
			return 0;
		usleep(1000);
	}
	return ETIMEDOUT;
}

int sc_names(const char *file, char names[][SC_NAME], int max)
{
	char path[80], text[4096], *line, *save;
	int n = 0;

	snprintf(path, sizeof(path), SC_FAULT_DIR "/%s", file);
	if (sc_read_file(path, text, sizeof(text)))
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " ")] = '\0';
		if (n == max || strlen(line) >= SC_NAME)
			return -1;
		strcpy(names[n++], line);
	}
	return n;
}
