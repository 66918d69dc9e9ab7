// SPDX-License-Identifier: BSD-2-Clause
/*
 * For libFuzzer, from the root of the source tree, after `make CC=clang`:
 *
 *	clang -g -O1 -std=gnu17 -fsanitize=fuzzer,address,undefined -Ibuild -o build/fuzz_stream \
 *		tests/fuzz/fuzz_stream.c $(find loader -name '*.c' ! -name main.c) \
 *		-lbpf -lpcap -ljson-c -lmnl -lcap
 *	build/fuzz_stream -max_len=65536 CORPUS
 *
 * where CORPUS is a folder of recordings (trace -w), each with two bytes in front of it; an empty
 * one will do. tests/unit/test_fuzz.c is the part of it that `make check` runs.
 */
#include "stream_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	stream_target(data, size);
	return 0;
}
