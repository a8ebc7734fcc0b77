/*
 * The few functions of a C library that the bindings call. With them the module needs no WASI: it imports the contract and
 * nothing else.
 *
 * Memory comes in blocks whose sizes are powers of two, each behind a header with its class. Blocks that were freed are
 * kept in a list for each class, so the memory of a run that goes on for ever does not grow.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 65536, SMALLEST = 4, CLASSES = 32 };

/* Eight bytes, so that what is behind it is aligned for every type of the bindings. */
struct header {
    uint32_t class;
    uint32_t unused;
};

struct block {
    struct header header;
    struct block *next;
};

/* The linker puts it behind the data of the module. */
extern unsigned char __heap_base;

static struct block *freed[CLASSES];
static uintptr_t end;

static void *fresh(size_t size) {
    if (end == 0) {
        end = ((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7;
    }
    uintptr_t start = end;
    size_t have = __builtin_wasm_memory_size(0) * (size_t)PAGE;
    if (size > have - start) {
        size_t pages = (size - (have - start) + PAGE - 1) / PAGE;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) {
            return NULL;
        }
    }
    end = start + size;
    return (void *)start;
}

void *malloc(size_t size) {
    uint32_t class = SMALLEST;
    while (class < CLASSES - 1 && ((size_t)1 << class) < size + sizeof(struct header)) {
        class++;
    }
    if (class == CLASSES - 1) {
        return NULL;
    }
    struct block *block = freed[class];
    if (block != NULL) {
        freed[class] = block->next;
    } else {
        block = fresh((size_t)1 << class);
        if (block == NULL) {
            return NULL;
        }
        block->header.class = class;
    }
    return &block->header + 1;
}

void free(void *memory) {
    if (memory == NULL) {
        return;
    }
    struct block *block = (struct block *)((struct header *)memory - 1);
    block->next = freed[block->header.class];
    freed[block->header.class] = block;
}

void *realloc(void *memory, size_t size) {
    if (memory == NULL) {
        return malloc(size);
    }
    uint32_t class = ((struct header *)memory - 1)->class;
    size_t room = ((size_t)1 << class) - sizeof(struct header);
    if (size <= room) {
        return memory;
    }
    void *larger = malloc(size);
    if (larger != NULL) {
        memcpy(larger, memory, room);
        free(memory);
    }
    return larger;
}

/* The host says that the workflow aborted: the task fails, and is tried again. */
_Noreturn void abort(void) {
    __builtin_trap();
}

void *memcpy(void *to, const void *from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        ((unsigned char *)to)[at] = ((const unsigned char *)from)[at];
    }
    return to;
}

void *memset(void *block, int byte, size_t size) {
    for (size_t at = 0; at < size; at++) {
        ((unsigned char *)block)[at] = (unsigned char)byte;
    }
    return block;
}

int memcmp(const void *one, const void *other, size_t size) {
    const unsigned char *left = one, *right = other;
    for (size_t at = 0; at < size; at++) {
        if (left[at] != right[at]) {
            return left[at] < right[at] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}
