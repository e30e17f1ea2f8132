/* Small worlds: what the core holds, told so that two machines that behave alike say the same.
 *
 * Addresses of records, numbers of pages and objects, and contents are left out; everything that the
 * core decides by is in: entries, objects with their flags and owners and the order of their lists,
 * which page lies where and whether it is busy, page tables, requests that wait. */
#ifndef SIM_WORLD_MACHINE_H
#define SIM_WORLD_MACHINE_H

#include "pager_fake.h"
#include "world.h"

/* The key of a machine whose objects are known by entries. */
struct world_key world_key_of(const struct fake *fake);

/* The bytes of the page that a space would read at an address, found without a fault, by going down
 * from the entry: a page, the zero page.  NULL: nothing is there, or it is busy, out, or absent in a file. */
const uint8_t *world_find_page(const struct fake *fake, const struct space *space,
                               uint64_t address);

/* Objects from the one that the entry at an address names down to the last, its source not counted. */
uint32_t world_find_depth(const struct space *space, uint64_t address);

/* NULL, or what is wrong: page tables that allow more than entries, or show another page than a fault
 * would find; or what fake_check says. */
const char *world_check_machine(struct fake *fake);

#endif
