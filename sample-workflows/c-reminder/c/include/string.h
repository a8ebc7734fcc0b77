/* What the bindings and the workflow need of a C library: c/libc.c has it. */
#ifndef REMINDER_STRING_H
#define REMINDER_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *block, int byte, size_t size);
int memcmp(const void *one, const void *other, size_t size);
size_t strlen(const char *text);

#endif
