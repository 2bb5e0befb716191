// SPDX-License-Identifier: Apache-2.0
/* libFuzzer's mutations for inputs that are records. */
#include <stdint.h>
#include <stdlib.h>

#include "fuzz.h"
#include "record.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size, const uint8_t *right,
				 size_t right_size, uint8_t *out, size_t max, unsigned int seed);

struct tape {
	uint8_t *data;
	size_t count; /* records */
	size_t room;
	unsigned int seed;
};

static size_t below(struct tape *tape, size_t n)
{
	return n ? (size_t)rand_r(&tape->seed) % n : 0;
}

static uint8_t *at(const struct tape *tape, size_t index)
{
	return tape->data + index * RECORD_BYTES;
}

/* Makes room for a record and returns its place. */
static uint8_t *open_gap(struct tape *tape, size_t index)
{
	memmove(at(tape, index + 1), at(tape, index), (tape->count - index) * RECORD_BYTES);
	tape->count++;
	return at(tape, index);
}

static void insert_random(struct tape *tape)
{
	uint8_t *gap = open_gap(tape, below(tape, tape->count + 1));

	for (int i = 0; i < RECORD_BYTES; i++)
		gap[i] = (uint8_t)below(tape, 256);
}

static void insert_copy(struct tape *tape)
{
	uint8_t copy[RECORD_BYTES];

	memcpy(copy, at(tape, below(tape, tape->count)), RECORD_BYTES);
	memcpy(open_gap(tape, below(tape, tape->count + 1)), copy, RECORD_BYTES);
}

static void take_away(struct tape *tape)
{
	size_t index = below(tape, tape->count);

	tape->count--;
	memmove(at(tape, index), at(tape, index + 1), (tape->count - index) * RECORD_BYTES);
}

static void swap(struct tape *tape)
{
	uint8_t *left = at(tape, below(tape, tape->count));
	uint8_t *right = at(tape, below(tape, tape->count));
	uint8_t copy[RECORD_BYTES];

	memcpy(copy, left, RECORD_BYTES);
	memmove(left, right, RECORD_BYTES);
	memcpy(right, copy, RECORD_BYTES);
}

static void change_byte(struct tape *tape)
{
	uint8_t *byte = at(tape, below(tape, tape->count)) + below(tape, RECORD_BYTES);

	switch (below(tape, 3)) {
	case 0:
		*byte = (uint8_t)below(tape, 256);
		break;
	case 1:
		*byte ^= (uint8_t)(1 << below(tape, 8));
		break;
	default:
		*byte = (uint8_t)(*byte + below(tape, 9) - 4);
	}
}

/* What libFuzzer has learned from comparisons goes into one record. */
static void change_record(struct tape *tape)
{
	LLVMFuzzerMutate(at(tape, below(tape, tape->count)), RECORD_BYTES, RECORD_BYTES);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct tape tape = { data, size / RECORD_BYTES, max / RECORD_BYTES, seed };

	if (!tape.room)
		return 0;
	for (size_t n = 1 + below(&tape, 3); n; n--) {
		size_t choice = below(&tape, 10);

		if (!tape.count || (choice == 0 && tape.count < tape.room))
			insert_random(&tape);
		else if (choice <= 2 && tape.count < tape.room)
			insert_copy(&tape);
		else if (choice == 3 && tape.count > 1)
			take_away(&tape);
		else if (choice == 4)
			swap(&tape);
		else if (choice <= 7)
			change_byte(&tape);
		else
			change_record(&tape);
	}
	return tape.count * RECORD_BYTES;
}

/* The beginning of one and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size, const uint8_t *right,
				 size_t right_size, uint8_t *out, size_t max, unsigned int seed)
{
	struct tape tape = { out, 0, max / RECORD_BYTES, seed };
	size_t head = below(&tape, left_size / RECORD_BYTES + 1);
	size_t skip = below(&tape, right_size / RECORD_BYTES + 1);
	size_t tail = right_size / RECORD_BYTES - skip;

	if (head > tape.room)
		head = tape.room;
	if (tail > tape.room - head)
		tail = tape.room - head;
	memcpy(out, left, head * RECORD_BYTES);
	memcpy(out + head * RECORD_BYTES, right + skip * RECORD_BYTES, tail * RECORD_BYTES);
	return (head + tail) * RECORD_BYTES;
}
