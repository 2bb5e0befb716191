/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a packet that was let through, beside what it was before. */
#pragma once

#include "hostsim/fuzz_check.h"
#include "hostsim/frame_read.h"

void form_is_unchanged(const struct sim_visit *visit, const struct frame *before);

/* Into @pod: one hop less, and the frame is from the gateway to the pod. */
void form_is_delivered(const struct sim_visit *visit, const struct frame *before, enum who pod);

/* The question about the gateway went back as its answer. */
bool form_is_answer(const struct sim_visit *visit, const struct reading *question);
void form_answers(const struct sim_visit *visit, const struct frame *question);
