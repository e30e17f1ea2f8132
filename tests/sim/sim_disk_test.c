/* The simulated disk: each fault does what its name says and no more, frames are the device's as long as a
 * request is queued, and the clock goes as told. */
/* sources: tests/sim/sim_disk.c mm/frame.c tests/sim/sim_assert.c */
#include "sim_disk_kit.h"

static struct sim_disk_done run(enum sim_disk_op op, uint64_t first, uint32_t segments,
                                uint32_t frame)
{
    submit(op, first, segments, frame);
    return finish();
}

/* A request of three pages at page 2 with this fault, where 100.. were and 500.. are written, or 100.. are
 * read into a frame of 500.. . */
#define OLD 100u
#define NEW 500u
#define RUN 3u

static struct sim_disk_done run_with(enum sim_disk_op op, enum sim_disk_fault fault)
{
    struct sim_disk_done done;

    pages_put(sim_disk_medium(disk, 2), OLD, RUN);
    pages_put(memory[4], NEW, RUN);
    sim_disk_inject(disk, fault);
    done = run(op, 2, RUN, 4);
    CHECK_EQ(done.tag, 1002);
    CHECK_EQ(done.fault, fault);
    return done;
}

TEST("what is written is read back, by requests of 1 to 32 pages, and nothing beside it changes")
{
    begin(1, false, NULL);
    for (uint32_t segments = 1; segments <= SIM_DISK_SEGMENTS; segments++) {
        uint64_t at = segments % (PAGES - segments + 1);
        struct sim_disk_done done;

        memset(sim_disk_medium(disk, 0), 0xaa, PAGES * PAGE_BYTES);
        pages_put(memory[0], NEW, segments);
        done = run(SIM_DISK_WRITE, at, segments, 0);
        CHECK(done.ok && done.fault == SIM_DISK_GOOD && done.place == at);
        for (uint64_t byte = 0; byte < at * PAGE_BYTES; byte++)
            CHECK_EQ(*(sim_disk_medium(disk, 0) + byte), 0xaa);
        for (uint64_t byte = (at + segments) * PAGE_BYTES; byte < PAGES * PAGE_BYTES; byte++)
            CHECK_EQ(*(sim_disk_medium(disk, 0) + byte), 0xaa);
        memset(memory, 0xbb, sizeof(memory));
        CHECK(run(SIM_DISK_READ, at, segments, 7).ok);
        CHECK_EQ(pages_have(memory[7], NEW, segments), segments * SIM_DISK_SECTORS);
        CHECK(memory[6][PAGE_BYTES - 1] == 0xbb && memory[7 + segments][0] == 0xbb);
    }
    end();
}

TEST("frames are pinned from submit to done, and a request that is refused pins none")
{
    struct sim_disk_request request;
    struct sim_disk_done done;

    begin(1, true, NULL);
    submit(SIM_DISK_READ, 0, 5, 10);
    submit(SIM_DISK_WRITE, 8, 5, 12); /* 12..14 twice: the device reads what comes */
    CHECK_EQ(frames.pins, 10);
    CHECK_EQ(frame_entry(&frames, frame_plus(first_frame, 12))->pins, 2);
    CHECK_EQ(frame_claim(&frames, frame_plus(first_frame, 12), FRAME_OBJECT, 0), FL_BAD_FRAME);
    request = request_of(SIM_DISK_READ, 3, 3, FRAMES - 2); /* the last frame is not in the table */
    CHECK(!sim_disk_submit(disk, &request));
    request = request_of(SIM_DISK_READ, PAGES - 2, 3, 20);
    CHECK(!sim_disk_submit(disk, &request));
    request = request_of(SIM_DISK_READ, UINT64_MAX, 3, 20);
    CHECK(!sim_disk_submit(disk, &request));
    request = request_of(SIM_DISK_READ, 0, 0, 20);
    CHECK(!sim_disk_submit(disk, &request));
    CHECK_EQ(frames.pins, 10);
    CHECK_EQ(sim_disk_queued(disk), 2);
    finish();
    CHECK_EQ(frames.pins, 5);
    finish();
    CHECK_EQ(frames.pins, 0);
    CHECK(!sim_disk_next(disk, LONG, &done));
    end();
}

TEST("a full queue refuses, and takes again when one is done")
{
    struct sim_disk_request request = request_of(SIM_DISK_WRITE, 0, 1, 0);

    begin(1, true, NULL);
    for (uint32_t i = 0; i < SIM_DISK_QUEUE; i++)
        CHECK(sim_disk_submit(disk, &request));
    CHECK(!sim_disk_submit(disk, &request));
    CHECK_EQ(frames.pins, SIM_DISK_QUEUE);
    finish();
    CHECK(sim_disk_submit(disk, &request));
    CHECK_EQ(sim_disk_queued(disk), SIM_DISK_QUEUE);
    end();
}

/* ---- the clock ---- */

TEST("a request takes 1 to `delay` ticks, all of them by some seed, and the clock stops when it is "
     "done")
{
    bool seen[DELAY + 2] = {false};

    begin(1, true, NULL);
    for (uint32_t i = 0; i < 40 * DELAY; i++) {
        uint64_t before = sim_disk_now(disk);

        run(SIM_DISK_READ, 0, 1, 0);
        CHECK(sim_disk_now(disk) - before <= DELAY);
        seen[sim_disk_now(disk) - before] = true;
    }
    CHECK(!seen[0]);
    for (uint32_t ticks = 1; ticks <= DELAY; ticks++)
        CHECK(seen[ticks]);
    end();
}

TEST("the clock goes on by the ticks that are given, and no further, when nothing is done")
{
    struct sim_disk_done done;
    uint32_t ticks = 0;

    begin(3, true, NULL);
    CHECK(!sim_disk_next(disk, 7, &done));
    CHECK_EQ(sim_disk_now(disk), 7);
    submit(SIM_DISK_READ, 0, 1, 0);
    while (!sim_disk_next(disk, 1, &done))
        CHECK_EQ(sim_disk_now(disk), 7 + ++ticks);
    CHECK(ticks > 0 && ticks < DELAY);
    end();
}

TEST("requests end in the order of submit, or in others when the disk reorders")
{
    for (uint32_t reorders = 0; reorders < 2; reorders++) {
        uint32_t swapped = 0;

        begin(5, reorders > 0, NULL);
        for (uint32_t turn = 0; turn < 50; turn++) {
            submit(SIM_DISK_READ, 1, 1, 1);
            submit(SIM_DISK_READ, 2, 1, 2);
            swapped += finish().tag == 1002;
            finish();
        }
        CHECK(reorders ? swapped > 10 && swapped < 40 : swapped == 0);
        end();
    }
}

/* ---- when bytes move ---- */

TEST("a read leaves garbage in its frames until it moves, which is sometimes before it is done")
{
    uint32_t early = 0;

    begin(7, true, NULL);
    pages_put(sim_disk_medium(disk, 0), OLD, 1);
    for (uint32_t turn = 0; turn < 100; turn++) {
        struct sim_disk_done done;
        uint32_t have = 0;

        pages_put(memory[0], OLD, 1);
        submit(SIM_DISK_READ, 0, 1, 0);
        CHECK_EQ(pages_have(memory[0], OLD, 1), 0);
        while (!sim_disk_next(disk, 1, &done))
            have = pages_have(memory[0], OLD, 1);
        CHECK(have == 0 || have == SIM_DISK_SECTORS);
        CHECK_EQ(pages_have(memory[0], OLD, 1), SIM_DISK_SECTORS);
        early += have != 0;
    }
    CHECK(early > 20 && early < 100);
    end();
}

TEST("a write takes the bytes that are there at some tick until it is done, page by page")
{
    uint32_t changed[2] = {0}, mixed = 0;

    begin(8, true, NULL);
    for (uint32_t turn = 0; turn < 100; turn++) {
        struct sim_disk_done done;
        bool first, second;

        pages_put(memory[0], OLD, 2);
        submit(SIM_DISK_WRITE, 0, 2, 0);
        if (!sim_disk_next(disk, DELAY / 4, &done)) {
            pages_put(memory[0], NEW, 2);
            finish();
        }
        first = pages_have(sim_disk_medium(disk, 0), NEW, 1) == SIM_DISK_SECTORS;
        second = pages_have(sim_disk_medium(disk, 1), NEW + 8, 1) == SIM_DISK_SECTORS;
        CHECK(first || pages_have(sim_disk_medium(disk, 0), OLD, 1) == SIM_DISK_SECTORS);
        CHECK(second || pages_have(sim_disk_medium(disk, 1), OLD + 8, 1) == SIM_DISK_SECTORS);
        changed[first]++;
        mixed += first != second;
    }
    CHECK(changed[0] > 20 && changed[1] > 20 && mixed > 10);
    end();
}

TEST("the checker tells who writes a frame that is being read into, before and after it moved")
{
    for (uint32_t ticks = 0; ticks < DELAY; ticks += DELAY - 1) {
        struct sim_disk_done done;

        begin(8, true, NULL);
        for (uint32_t turn = 0; turn < 100; turn++) { /* one that takes all of the delay */
            submit(SIM_DISK_READ, 0, 2, 0);
            if (!sim_disk_next(disk, ticks, &done))
                break;
        }
        memory[1][77]++;
        CHECK_STRING(sim_disk_check(disk), "D3");
        CHECK(sim_disk_next(disk, LONG, &done));
        CHECK_STRING(sim_disk_check(disk), "D3");
        sim_disk_destroy(disk);
    }
}

TEST("the checker tells pins that are nobody's, and those that are missing")
{
    begin(1, true, NULL);
    submit(SIM_DISK_READ, 0, 2, 0);
    CHECK_EQ(frame_pin(&frames, frame_plus(first_frame, 9)), FL_OK);
    CHECK_STRING(sim_disk_check(disk), "D2");
    frame_unpin(&frames, first_frame);
    CHECK_STRING(sim_disk_check(disk), "D2");
    CHECK_EQ(frame_pin(&frames, first_frame), FL_OK);
    frame_unpin(&frames, frame_plus(first_frame, 9));
    end();
}

/* ---- faults ---- */

TEST("an error moves nothing")
{
    begin(1, true, NULL);
    CHECK(!run_with(SIM_DISK_WRITE, SIM_DISK_ERROR).ok);
    CHECK_EQ(pages_have(sim_disk_medium(disk, 2), OLD, RUN), RUN * SIM_DISK_SECTORS);
    CHECK(!run_with(SIM_DISK_READ, SIM_DISK_ERROR).ok);
    CHECK_EQ(pages_have(memory[4], OLD, RUN), 0);
    end();
}

TEST("a short request says so, after the first sectors: at least one, and not all")
{
    bool write[RUN * SIM_DISK_SECTORS + 1] = {false}, read[RUN * SIM_DISK_SECTORS + 1] = {false};

    begin(1, true, NULL);
    for (uint32_t turn = 0; turn < 200; turn++) {
        const uint8_t *medium = sim_disk_medium(disk, 2);
        uint32_t moved;

        CHECK(!run_with(SIM_DISK_WRITE, SIM_DISK_SHORT).ok);
        moved = pages_have(medium, NEW, RUN);
        write[moved] = true;
        for (uint32_t sector = moved; sector < RUN * SIM_DISK_SECTORS; sector++)
            CHECK_EQ(value_distance(medium + sector * SIM_DISK_SECTOR_BYTES, OLD + sector), 0);
        CHECK(!run_with(SIM_DISK_READ, SIM_DISK_SHORT).ok);
        read[pages_have(memory[4], OLD, RUN)] = true;
    }
    for (uint32_t sectors = 0; sectors <= RUN * SIM_DISK_SECTORS; sectors++) {
        bool possible = sectors > 0 && sectors < RUN * SIM_DISK_SECTORS;

        CHECK(write[sectors] == possible && read[sectors] == possible);
    }
    end();
}

TEST("of a torn request one page has only its first sectors, at least one and not all")
{
    bool torn[RUN][SIM_DISK_SECTORS + 1] = {{false}};

    begin(1, true, NULL);
    for (uint32_t turn = 0; turn < 400; turn++) {
        bool write = turn % 2 == 0;
        const uint8_t *to = write ? sim_disk_medium(disk, 2) : memory[4];
        uint32_t pages = 0;

        CHECK(run_with(write ? SIM_DISK_WRITE : SIM_DISK_READ, SIM_DISK_TORN).ok);
        for (uint32_t page = 0; page < RUN; page++) {
            uint32_t base = (write ? NEW : OLD) + page * SIM_DISK_SECTORS;
            uint32_t have = pages_have(to + page * PAGE_BYTES, base, 1);

            torn[page][have] = true;
            pages += have < SIM_DISK_SECTORS;
            for (uint32_t s = have; write && s < SIM_DISK_SECTORS; s++)
                CHECK_EQ(value_distance(to + page * PAGE_BYTES + s * SIM_DISK_SECTOR_BYTES,
                                        OLD + page * SIM_DISK_SECTORS + s),
                         0);
        }
        CHECK_EQ(pages, 1);
    }
    for (uint32_t page = 0; page < RUN; page++)
        for (uint32_t sectors = 0; sectors <= SIM_DISK_SECTORS; sectors++)
            CHECK_EQ(torn[page][sectors], sectors > 0);
    end();
}

TEST("a lost request says OK, and nothing moved")
{
    begin(1, true, NULL);
    CHECK(run_with(SIM_DISK_WRITE, SIM_DISK_LOST).ok);
    CHECK_EQ(pages_have(sim_disk_medium(disk, 2), OLD, RUN), RUN * SIM_DISK_SECTORS);
    CHECK(run_with(SIM_DISK_READ, SIM_DISK_LOST).ok);
    CHECK_EQ(pages_have(memory[4], OLD, RUN), 0);
    end();
}

TEST("of a corrupt request one bit is wrong, in any page: of a write on the medium, of a read in "
     "memory")
{
    bool hit[RUN] = {false};

    begin(1, true, NULL);
    for (uint32_t turn = 0; turn < 100; turn++) {
        bool write = turn % 2 == 0;
        const uint8_t *to = write ? sim_disk_medium(disk, 2) : memory[4];
        uint32_t wrong = 0;

        CHECK(run_with(write ? SIM_DISK_WRITE : SIM_DISK_READ, SIM_DISK_CORRUPT).ok);
        for (uint32_t sector = 0; sector < RUN * SIM_DISK_SECTORS; sector++) {
            uint32_t bits =
                value_distance(to + sector * SIM_DISK_SECTOR_BYTES, (write ? NEW : OLD) + sector);

            hit[sector / SIM_DISK_SECTORS] |= bits > 0;
            wrong += bits;
        }
        CHECK_EQ(wrong, 1);
        CHECK_EQ(pages_have(write ? memory[4] : sim_disk_medium(disk, 2), write ? NEW : OLD, RUN),
                 RUN * SIM_DISK_SECTORS);
    }
    CHECK(hit[0] && hit[1] && hit[2]);
    end();
}

TEST("a misplaced request moves to, or from, other pages, which it names to models")
{
    begin(1, true, NULL);
    for (uint32_t turn = 0; turn < 50; turn++) {
        struct sim_disk_done done;

        memset(sim_disk_medium(disk, 0), 0, PAGES * PAGE_BYTES);
        done = run_with(SIM_DISK_WRITE, SIM_DISK_MISPLACED);
        CHECK(done.ok && done.place != 2 && done.place <= PAGES - RUN);
        CHECK_EQ(pages_have(sim_disk_medium(disk, done.place), NEW, RUN), RUN * SIM_DISK_SECTORS);
        if (done.place > 2)
            CHECK_EQ(pages_have(sim_disk_medium(disk, 2), OLD, 1), SIM_DISK_SECTORS);
        pages_put(sim_disk_medium(disk, 0), 9000, PAGES);
        sim_disk_inject(disk, SIM_DISK_MISPLACED);
        done = run(SIM_DISK_READ, 2, RUN, 4);
        CHECK(done.ok && done.place != 2);
        CHECK_EQ(pages_have(memory[4], 9000 + done.place * SIM_DISK_SECTORS, RUN),
                 RUN * SIM_DISK_SECTORS);
    }
    end();
}

TEST("a silent request is not done before a reset, keeps its frames, and may move long after")
{
    uint32_t late = 0;

    begin(1, true, NULL);
    for (uint32_t turn = 0; turn < 50; turn++) {
        struct sim_disk_done done;

        pages_put(sim_disk_medium(disk, 2), OLD, RUN);
        sim_disk_inject(disk, SIM_DISK_SILENT);
        submit(SIM_DISK_READ, 2, RUN, 4);
        CHECK(!sim_disk_next(disk, DELAY, &done));
        late += pages_have(memory[4], OLD, RUN) == 0;
        CHECK(!sim_disk_next(disk, LONG, &done));
        late -= pages_have(memory[4], OLD, RUN) == 0;
        CHECK_EQ(frames.pins, RUN);
        sim_disk_reset(disk);
        sound();
        CHECK(sim_disk_next(disk, 0, &done));
        CHECK(!done.ok && done.tag == 1002 && done.fault == SIM_DISK_SILENT);
    }
    CHECK(late > 5);
    end();
}

TEST("a reset ends all requests at once, in any order, and nothing of them moves any more")
{
    uint32_t half = 0, first = 0;

    begin(2, true, NULL);
    for (uint32_t turn = 0; turn < 50; turn++) {
        struct sim_disk_done done;
        uint8_t before[2 * PAGE_BYTES];
        uint32_t ended = 0;

        pages_put(memory[0], turn * 1000, 6);
        submit(SIM_DISK_WRITE, 0, 2, 0);
        submit(SIM_DISK_WRITE, 8, 4, 2);
        submit(SIM_DISK_READ, 4, 2, 8);
        ended += sim_disk_next(disk, DELAY / 3, &done);
        sim_disk_reset(disk);
        memcpy(before, sim_disk_medium(disk, 0), sizeof(before));
        half +=
            (pages_have(sim_disk_medium(disk, 0), turn * 1000, 2) % (2 * SIM_DISK_SECTORS)) != 0;
        for (; sim_disk_next(disk, 0, &done); ended++) {
            first +=
                sim_disk_queued(disk) > 0 && done.tag == 1004; /* the last that was submitted */
            CHECK(!done.ok);
        }
        CHECK_EQ(ended, 3);
        CHECK(!sim_disk_next(disk, LONG, &done));
        CHECK(memcmp(before, sim_disk_medium(disk, 0), sizeof(before)) == 0);
        sound();
    }
    CHECK(half > 0 && first > 10 && first < 40);
    end();
}

TEST("discarded pages hold garbage, and need no frames")
{
    begin(1, true, NULL);
    pages_put(sim_disk_medium(disk, 2), OLD, RUN + 1);
    submit(SIM_DISK_DISCARD, 2, RUN, 0);
    CHECK_EQ(frames.pins, 0);
    CHECK(finish().ok);
    for (uint32_t sector = 0; sector < RUN * SIM_DISK_SECTORS; sector++)
        CHECK(value_distance(sim_disk_medium(disk, 2) + sector * SIM_DISK_SECTOR_BYTES,
                             OLD + sector) > 0);
    CHECK_EQ(pages_have(sim_disk_medium(disk, 2 + RUN), OLD + RUN * SIM_DISK_SECTORS, 1),
             SIM_DISK_SECTORS);
    end();
}

TEST("faults come as often as their chances say")
{
    const uint32_t chance[SIM_DISK_FAULTS] = {0, 20, 40, 60, 80, 100, 120, 0};
    uint32_t seen[SIM_DISK_FAULTS] = {0};

    begin(1, true, chance);
    for (uint32_t turn = 0; turn < 8 * 1024; turn++)
        seen[run(SIM_DISK_WRITE, 0, 2, 0).fault]++;
    CHECK_EQ(seen[SIM_DISK_SILENT], 0);
    for (uint32_t fault = SIM_DISK_ERROR; fault < SIM_DISK_SILENT; fault++)
        CHECK(seen[fault] > 8 * chance[fault] * 2 / 3 && seen[fault] < 8 * chance[fault] * 4 / 3);
    end();
}
