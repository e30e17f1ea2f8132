"""The accesses of each page, counted over the same text by a table of lists: the most used fifth has most of them."""
from bisect import bisect_right

RUNS = [("20000", "8000"), ("30000", "20000")]
PAGE, RECORD, POINTER, BITS = 4096, 96, 8, (1 << 64) - 1


def text(count, vocabulary):
    """Numbers of words, drawn by Zipf's law from xorshift64."""
    sums, state = [0.0], 88172645463325252
    for n in range(1, vocabulary + 1):
        sums.append(sums[-1] + 1.0 / n)
    for _ in range(count):
        state ^= state << 13 & BITS
        state ^= state >> 7
        state ^= state << 17 & BITS
        yield bisect_right(sums, (state >> 11) / 2.0**53 * sums[vocabulary], 0, vocabulary) - 1


def model(count, vocabulary):
    count, vocabulary = int(count), int(vocabulary)
    buckets = 1
    while buckets < vocabulary // 2:
        buckets *= 2
    table_pages = -(-buckets * POINTER // PAGE)
    accesses = [0] * (table_pages + -(-vocabulary * RECORD // PAGE))
    chains, used = {}, 0
    for word in text(count, vocabulary):
        bucket = ((word + 1) * 0x9e3779b97f4a7c15 & BITS) >> 20 & buckets - 1
        chain = chains.setdefault(bucket, [])
        accesses[bucket * POINTER // PAGE] += 1
        if word not in (known for known, _ in chain):
            chain.append((word, used))
            used += 1
        for known, place in chain:
            accesses[table_pages + place * RECORD // PAGE] += 1
            if known == word:
                break
    accesses.sort(reverse=True)
    shares = [100 * sum(accesses[:len(accesses) * decile // 10]) // sum(accesses) for decile in range(1, 11)]
    return [[f"{used} different words in {len(accesses)} pages"], ["of the pages, the most", "of the accesses"],
            *([f"{10 * decile} %", f"{share} %"] for decile, share in enumerate(shares, 1))]
