/* Lays out a program's space: segments of its ELF file, an empty heap behind them, the stack.
 *
 *   read-only segments    -> entry -> file object (shared by all who run the file)
 *   writable segments     -> entry -> anonymous object, whose source is the file object
 *   stack                 -> entry -> anonymous object; below it a guard that allows nothing */
#include <errno.h>

#include "protocol.h"
#include "vm.h"

static uint64_t program_page_down(uint64_t address)
{
    return address & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

static uint64_t program_page_up(uint64_t address)
{
    return program_page_down(address + FL_PAGE_BYTES - 1);
}

/* An anonymous object that shows the segment's bytes of the file, and zeros behind them. */
static struct object *program_copy_segment(struct vm *vm, struct space *space,
                                           const struct cpio_file *file,
                                           const struct elf_segment *segment)
{
    struct object *object = object_create_anonymous(vm, space), *source;

    if (!object || segment->file_bytes == 0)
        return object;
    source = object_open_file(vm, file);
    if (!source) {
        object_release(vm, object);
        return NULL;
    }
    object_set_source(object, source, segment->file_offset / FL_PAGE_BYTES,
                      segment->start % FL_PAGE_BYTES + segment->file_bytes);
    return object;
}

static bool program_add_segment(struct vm *vm, struct space *space, const struct cpio_file *file,
                                const struct elf_segment *segment)
{
    struct entry like = {.start = program_page_down(segment->start),
                         .end = program_page_up(segment->start + segment->memory_bytes),
                         .protection = (uint8_t)segment->rights,
                         .use = ENTRY_PROGRAM};
    bool in_file = segment->file_bytes == segment->memory_bytes;

    if (in_file && !(segment->rights & FL_RIGHT_WRITE)) {
        like.max_protection = FL_RIGHT_READ | FL_RIGHT_EXEC;
        like.offset = segment->file_offset / FL_PAGE_BYTES;
        like.object = object_open_file(vm, file);
    } else {
        like.max_protection = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC;
        like.charge = like.protection & FL_RIGHT_WRITE ? ENTRY_CHARGED : ENTRY_UNCHARGED;
        like.object = program_copy_segment(vm, space, file, segment);
    }
    if (!like.object)
        return false;
    if (vm_add_entry(vm, space, &like))
        return true;
    object_release(vm, like.object);
    return false;
}

static bool program_add_stack(struct vm *vm, struct space *space)
{
    struct entry stack = {.start = PROGRAM_STACK_END - PROGRAM_STACK_BYTES,
                          .end = PROGRAM_STACK_END,
                          .protection = FL_RIGHT_READ | FL_RIGHT_WRITE,
                          .max_protection = FL_RIGHT_READ | FL_RIGHT_WRITE | FL_RIGHT_EXEC,
                          .use = ENTRY_STACK,
                          .charge = commit_choose(vm, true, true)};
    struct entry guard = {
        .start = stack.start - FL_PAGE_BYTES, .end = stack.start, .use = ENTRY_GUARD};

    if (!vm_add_entry(vm, space, &guard))
        return false;
    stack.object = object_create_anonymous(vm, space);
    if (!stack.object)
        return false;
    if (vm_add_entry(vm, space, &stack))
        return true;
    object_release(vm, stack.object);
    return false;
}

int vm_load(struct vm *vm, struct space *space, const struct cpio_file *file,
            struct vm_program *program)
{
    struct elf_image image;
    const struct elf_segment *last;

    if (space->map.count > 0)
        return EBUSY;
    program->error =
        elf_decode(vm->archive + file->offset, file->size_bytes, PROGRAM_MMAP_BASE, &image);
    if (program->error != ELF_OK)
        return ENOEXEC;
    for (uint32_t i = 0; i < image.count; i++)
        if (!program_add_segment(vm, space, file, &image.segment[i]))
            return ENOMEM;
    if (!program_add_stack(vm, space))
        return ENOMEM;
    last = &image.segment[image.count - 1];
    space->heap_start = program_page_up(last->start + last->memory_bytes);
    space->heap_end = space->heap_start;
    space->program = file;
    program->entry = image.entry;
    program->stack_end = PROGRAM_STACK_END;
    return 0;
}
