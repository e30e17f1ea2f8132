/* sources: kernel/derivation.c */
/* The derivation tree against a model: for each capability its parent and an ordered list of those
 * derived from it. */
#include "derivation.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define CAPS 40

static _Alignas(sizeof(struct cap)) struct cap caps[CAPS + 1]; /* caps[0] lies at the base */
static struct derivation tree;

struct model {
    bool is_in;
    int children;
    int child[CAPS + 1];
};
static struct model model[CAPS + 1];

bool derivation_is_cap(const struct cap *cap)
{
    return cap > caps && cap <= &caps[CAPS] && model[cap - caps].is_in;
}

static int find_parent(int i, int *position)
{
    for (int parent = 1; parent <= CAPS; parent++) {
        for (int j = 0; j < model[parent].children; j++) {
            *position = j;
            if (model[parent].child[j] == i)
                return parent;
        }
    }
    return 0;
}

static void model_open(int parent, int at, int by)
{
    struct model *to = &model[parent];

    memmove(&to->child[at + by], &to->child[at], (size_t)(to->children - at) * sizeof to->child[0]);
    to->children += by;
}

static void model_insert(int parent, int i)
{
    model_open(parent, 0, 1);
    model[parent].child[0] = i;
    model[i] = (struct model){.is_in = true};
}

static void model_remove(int i)
{
    struct model gone = model[i];
    int at = 0, parent = find_parent(i, &at);

    if (gone.children > 0)
        model_open(parent, at + 1, gone.children - 1);
    else
        memmove(&model[parent].child[at], &model[parent].child[at + 1],
                (size_t)(--model[parent].children - at) * sizeof gone.child[0]);
    memcpy(&model[parent].child[at], gone.child, (size_t)gone.children * sizeof gone.child[0]);
    model[i] = (struct model){0};
}

static void model_move(int to, int from)
{
    int at = 0, parent = find_parent(from, &at);

    model[parent].child[at] = to;
    model[to] = model[from];
    model[from] = (struct model){0};
}

static void check_below(int i, const struct cap **walk)
{
    const struct cap *child = derivation_child(&tree, &caps[i]);

    CHECK_EQ(*walk, &caps[i]);
    *walk = derivation_walk(&tree, *walk);
    CHECK_EQ(derivation_check(&tree, &caps[i]), NULL);
    for (int j = 0; j < model[i].children; j++) {
        CHECK_EQ(child, &caps[model[i].child[j]]);
        check_below(model[i].child[j], walk);
        child = derivation_sibling(&tree, child);
    }
    CHECK_EQ(child, NULL);
}

static void check_all(void)
{
    const struct cap *walk = tree.root;

    check_below(1, &walk);
    CHECK_EQ(walk, NULL);
}

static void start(void)
{
    memset(caps, 0, sizeof caps);
    memset(model, 0, sizeof model);
    model[1].is_in = true;
    derivation_start(&tree, (uintptr_t)caps, &caps[1]);
    check_all();
}

static void insert(int parent, int i)
{
    model_insert(parent, i);
    derivation_insert(&tree, &caps[parent], &caps[i]);
    check_all();
}

static void take_out(int i)
{
    model_remove(i);
    derivation_remove(&tree, &caps[i]);
    check_all();
}

TEST("a capability that goes leaves its place to those derived from it")
{
    start();
    for (int i = 2; i <= 4; i++)
        insert(1, i);
    insert(3, 5);
    insert(3, 6);
    take_out(3); /* in the middle, with children */
    take_out(2); /* the last */
    take_out(4); /* the first */
    insert(5, 7);
    take_out(5);
    take_out(6);
    take_out(7);
    CHECK_EQ(derivation_child(&tree, tree.root), NULL);
}

TEST("an only child with children leaves them to its parent")
{
    start();
    insert(1, 2);
    insert(2, 3);
    insert(2, 4);
    take_out(2);
    CHECK_EQ(derivation_child(&tree, tree.root), &caps[4]);
}

TEST("100,000 random insertions, removals and moves leave the tree that the model has")
{
    start();
    srand(1);
    for (int n = 0; n < 100000; n++) {
        int a = 1 + rand() % CAPS, b = 2 + rand() % (CAPS - 1);

        if (model[b].is_in && rand() % 3 == 0) {
            take_out(b);
        } else if (model[a].is_in && !model[b].is_in) {
            insert(a, b);
        } else if (model[b].is_in && !model[a].is_in) {
            model_move(a, b);
            derivation_move(&tree, &caps[a], &caps[b]);
            check_all();
        }
    }
}

TEST("the checker tells links that disagree")
{
    start();
    for (int i = 2; i <= 5; i++)
        insert(1, i);
    insert(3, 6);
    struct cap good = caps[3];
    caps[3].next = 0;
    CHECK_STRING(derivation_check(&tree, &caps[3]), "D2");
    caps[3] = good;
    caps[3].prev = good.next;
    CHECK_STRING(derivation_check(&tree, &caps[4]), "D2");
    caps[3] = good;
    caps[3].child = CAPS; /* no capability lies there */
    CHECK_STRING(derivation_check(&tree, &caps[3]), "D1");
    caps[3].child = 2;
    CHECK_STRING(derivation_check(&tree, &caps[3]), "D1");
}
