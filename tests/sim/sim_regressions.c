/* Traces that found a defect: see sim_regressions.h. */
#include "sim_regressions.h"

const struct sim_regression sim_regressions[] = {
    {"one thread reads the old frame while another writes the new one",
     "752:4294967409:brk.0.0.0.0.2/serve/access.0.0.0.0.1/serve.0.0.0.0.0.0.1250489462/remap/"
     "access.0.0.0.3/serve.0.0.1.0.0.0.1054115037"},
    {"a fault that wants two frames takes the same one for ever while a program is ending",
     "1800:4294967297:fork/serve/fork/map.0.0.2.0.3.2/map.0.0.0.0.3/serve.0.0.1/shortage/serve/"
     "access.0.0.3/map.0.0.0.0.4/serve/serve.0.0.3/access/event/serve.0.0.1/access/event/serve"},
    {"mincore has the page of a file that it needed, and waits for a frame for the program's copy",
     "2172:433791771357:fork/brk.0.0.0.0.1/serve.0.0.1/access.0.0.1/serve.0.0.1/access.4.0.1.0.8/"
     "shortage/"
     "map.2.4.2.0.4/serve.0.0.0.0.169.0.6/unmap/resident.0.4.0.4/serve.0.0.2"},
    {"a fault that wants two frames takes the same one for ever while a device has a frame of "
     "nobody",
     "2127:438086679016:map.0.13.1.0.7/serve/access.0.14.1/serve.0.0.1.0.0.0.2754342988/"
     "disk.0.0.0.0.3/event/map.0.0.0.0.4/shortage.0.0.0.7/serve.0.0.1/access/serve"},
    {"pages leave and come back for ever while a fault waits for frames that are promised",
     "1754:1292785156203:map.0.2.1/serve.0.0.1/access.0.2.2.0.0.1/serve.0.0.2/access.0.0.2/fork/"
     "serve.0.0.1/access.0.1.2/shortage.0.0.0.135/serve/access.0.0.1/map.1.0.0.0.4/serve.0.0.1/"
     "serve.0.0.1/access.4/serve"},
    {"a turn in the background is direct when the store of compressed pages has taken frames that "
     "were free",
     "2268:30064771133:brk.0.0.0.0.1/serve/access/serve/access/swapoff/swapon.0.0.0.1/"
     "serve.0.0.0.0.173/"
     "press.0.0.0.1.0.0.8/serve.0.0.0.0.138/disk.0.0.0.0.155/disk.0.0.0.0.71/serve.0.0.0.0.249/"
     "serve.0.0.0.0.76/serve.0.0.0.0.32/disk.0.0.0.0.32/shortage.0.0.0.84/swapon/setting.0.0.0.2/"
     "serve.0.0.0.0.248/press"},
};

const uint32_t sim_regression_count = sizeof(sim_regressions) / sizeof(sim_regressions[0]);
