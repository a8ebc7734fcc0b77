/* What the bindings and the workflow need of a C library: c/libc.c has it. */
#ifndef REMINDER_STDLIB_H
#define REMINDER_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
_Noreturn void abort(void);

#endif
