/* Owns: the heap with its accounting, and every allocation of the library. Not: arenas. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/context.h"
#include "base/error.h"
#include "base/num.h"

struct leati_heap {
    leat_allocator allocator;
    atomic_uint_fast64_t references; /* the context and every live block */
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t peak;
    uint64_t limit;
};

/* Stands directly before each block. */
typedef struct block_header {
    leati_heap *heap;
    void *raw;
    size_t bytes;
    size_t unused; /* keeps the header a multiple of 16 */
} block_header;

enum { SMALL = 512, SMALL_ALIGN = 16, LARGE_ALIGN = 64 };

static void *default_alloc(void *user, size_t bytes)
{
    (void)user;
    return malloc(bytes);
}

static void default_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* From this size on a block of malloc is a mapping of its own: fresh, hence zero, and worth asking
 * the kernel for huge pages. Touching memory in pages of 4 KiB costs more than most operations on a
 * table do. Smaller blocks that fill two thirds of such pages get whole ones. */
enum { HUGE = 4 << 20, HUGE_PAGE = 2 << 20, NEARLY_HUGE = (4 << 20) / 3 };
/* From this size on it pays to leave zeros to calloc, which touches no fresh page. */
enum { UNTOUCHED = 64 << 10 };

/* A large block of the standard allocator. */
static void *large_alloc(size_t bytes, bool zeroed)
{
#ifdef MADV_HUGEPAGE
    size_t whole = (bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    if (!zeroed && bytes < HUGE && whole - bytes <= bytes / 2) {
        char *pages = aligned_alloc(HUGE_PAGE, whole);
        if (pages) (void)madvise(pages, whole, MADV_HUGEPAGE);
        return pages;
    }
#endif
    char *raw = zeroed ? calloc(1, bytes) : malloc(bytes);
#ifdef MADV_HUGEPAGE
    if (bytes < HUGE) return raw;
    size_t skip = raw ? (0 - (uintptr_t)raw) & (HUGE_PAGE - 1) : bytes;
    if (raw && skip < bytes) (void)madvise(raw + skip, bytes - skip, MADV_HUGEPAGE);
#endif
    return raw;
}

leati_heap *leati_heap_create(const leat_allocator *allocator, uint64_t max_bytes)
{
    static const leat_allocator standard = {NULL, default_alloc, default_free};
    const leat_allocator *a = allocator ? allocator : &standard;
    leati_heap *heap = a->alloc(a->user, sizeof *heap);
    if (!heap) return NULL;
    heap->allocator = *a;
    atomic_init(&heap->references, 1);
    atomic_init(&heap->bytes, 0);
    atomic_init(&heap->peak, 0);
    heap->limit = max_bytes;
    return heap;
}

leati_heap *leati_heap_retain(leati_heap *heap)
{
    atomic_fetch_add_explicit(&heap->references, 1, memory_order_relaxed);
    return heap;
}

void leati_heap_release(leati_heap *heap)
{
    if (atomic_fetch_sub_explicit(&heap->references, 1, memory_order_acq_rel) == 1)
        heap->allocator.free(heap->allocator.user, heap);
}

uint64_t leati_heap_bytes(const leati_heap *heap)
{
    return atomic_load_explicit(&heap->bytes, memory_order_relaxed);
}

uint64_t leati_heap_peak(const leati_heap *heap)
{
    return atomic_load_explicit(&heap->peak, memory_order_relaxed);
}

uint64_t leati_heap_limit(const leati_heap *heap)
{
    return heap->limit;
}

/* Count `bytes` in; false when that passes the limit. */
static bool count_in(leati_heap *heap, size_t bytes)
{
    uint64_t now = atomic_fetch_add_explicit(&heap->bytes, bytes, memory_order_relaxed) + bytes;
    if (heap->limit && now > heap->limit) {
        atomic_fetch_sub_explicit(&heap->bytes, bytes, memory_order_relaxed);
        return false;
    }
    uint_fast64_t peak = atomic_load_explicit(&heap->peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(
                             &heap->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

static void count_out(leati_heap *heap, size_t bytes)
{
    atomic_fetch_sub_explicit(&heap->bytes, bytes, memory_order_relaxed);
}

static block_header *header_of(void *block)
{
    return (block_header *)block - 1;
}

static void *heap_alloc(leati_heap *heap, size_t bytes, bool zeroed, leat_status *why)
{
    bool large =
        bytes >= (zeroed ? UNTOUCHED : NEARLY_HUGE) && heap->allocator.alloc == default_alloc;
    size_t align = bytes < SMALL ? SMALL_ALIGN : LARGE_ALIGN;
    size_t total;
    *why = LEAT_NOMEM;
    if (leati_add_overflows(bytes, sizeof(block_header) + align, &total)) return NULL;
    if (!count_in(heap, bytes)) {
        *why = LEAT_LIMIT;
        return NULL;
    }
    char *raw =
        large ? large_alloc(total, zeroed) : heap->allocator.alloc(heap->allocator.user, total);
    if (!raw) {
        count_out(heap, bytes);
        return NULL;
    }
    uintptr_t at = ((uintptr_t)raw + sizeof(block_header) + align - 1) & ~(uintptr_t)(align - 1);
    void *block = raw + (at - (uintptr_t)raw);
    *header_of(block) = (block_header){heap, raw, bytes, 0};
    atomic_fetch_add_explicit(&heap->references, 1, memory_order_relaxed);
    if (zeroed && !large) memset(block, 0, bytes);
    *why = LEAT_OK;
    return block;
}

void *leati_heap_alloc(leati_heap *heap, size_t bytes, leat_status *why)
{
    return heap_alloc(heap, bytes, false, why);
}

void leati_free(void *block)
{
    if (!block) return;
    block_header *h = header_of(block);
    leati_heap *heap = h->heap;
    count_out(heap, h->bytes);
    heap->allocator.free(heap->allocator.user, h->raw);
    leati_heap_release(heap);
}

static void *fail(leat_context *c, size_t bytes, leat_status why)
{
    char more[LEATI_NUM_SIZE], limit[LEATI_NUM_SIZE];
    leati_num_bytes(bytes, more);
    leati_num_bytes(leati_heap_limit(c->heap), limit);
    if (why == LEAT_LIMIT)
        LEATI_FAIL(c, why, "%s more would pass the memory limit of %s", more, limit);
    else LEATI_FAIL(c, why, "out of memory: %s could not be had", more);
    return NULL;
}

void *leati_alloc(leat_context *c, size_t bytes)
{
    leat_status why;
    void *block = leati_heap_alloc(c->heap, bytes, &why);
    return block ? block : fail(c, bytes, why);
}

void *leati_alloc_quiet(const leat_context *c, size_t bytes)
{
    leat_status why;
    return leati_heap_alloc(c->heap, bytes, &why);
}

void *leati_array(leat_context *c, size_t count, size_t size)
{
    size_t bytes;
    if (leati_mul_overflows(count, size, &bytes)) return fail(c, SIZE_MAX, LEAT_NOMEM);
    return leati_alloc(c, bytes);
}

void *leati_calloc(leat_context *c, size_t count, size_t size)
{
    leat_status why;
    size_t bytes;
    if (leati_mul_overflows(count, size, &bytes)) return fail(c, SIZE_MAX, LEAT_NOMEM);
    void *block = heap_alloc(c->heap, bytes, true, &why);
    return block ? block : fail(c, bytes, why);
}

void *leati_realloc(leat_context *c, void *block, size_t bytes)
{
    if (!block) return leati_alloc(c, bytes);
    block_header old = *header_of(block);
    void *fresh = leati_alloc(c, bytes);
    if (!fresh) return NULL;
    memcpy(fresh, block, old.bytes < bytes ? old.bytes : bytes);
    leati_free(block);
    return fresh;
}

char *leati_strndup(leat_context *c, const char *text, size_t length)
{
    char *copy = leati_alloc(c, length + 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *leati_strdup(leat_context *c, const char *text)
{
    return leati_strndup(c, text, strlen(text));
}

void *leati_memdup(leat_context *c, const void *data, size_t bytes)
{
    void *copy = leati_alloc(c, bytes);
    if (copy && bytes) memcpy(copy, data, bytes);
    return copy;
}

leat_status leati_grow(leat_context *c, void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return LEAT_OK;
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2) return LEATI_FAIL(c, LEAT_NOMEM, "out of memory");
        wanted *= 2;
    }
    size_t bytes;
    if (leati_mul_overflows(wanted, size, &bytes))
        return LEATI_FAIL(c, LEAT_NOMEM, "out of memory: %zu elements of %zu bytes", wanted, size);
    void *old;
    memcpy(&old, array, sizeof old);
    void *fresh = leati_realloc(c, old, bytes);
    if (!fresh) return leat_error_status(c);
    memcpy(array, &fresh, sizeof fresh);
    *capacity = wanted;
    return LEAT_OK;
}
