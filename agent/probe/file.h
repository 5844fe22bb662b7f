/*
 * Small files of the kernel and of others, read with a bound. Internal to agent/probe.
 */
#pragma once

#include "agent/probe/error.h"

int nma_probe_open_directory(const char *path);

/* The first 256 KiB of a file below dir_fd, followed by a NUL; owned; NULL with errno. /proc's
 * files say size 0: it is read until the end. Opening a fifo does not wait. */
char *nma_probe_read_at(int dir_fd, const char *name, gsize *length);

/* <folder>/<name> */
char *nma_probe_read(const char *folder, const char *name, GError **error);
