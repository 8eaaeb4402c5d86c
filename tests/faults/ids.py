"""Which tests hold each fault of the groups T and P: their node names, or "no sense: " and why it is none of whet's.

The ids are those of issue 5.
"""

from __future__ import annotations

_TRAINING = "tests/faults/test_training.py::test_"
_DISK = "tests/faults/test_disk.py::test_"
_PROCESS = "tests/faults/test_process.py::test_"

T: dict[str, tuple[str, ...] | str] = {
    "T1": (
        f"{_TRAINING}a_step_that_is_not_finite_is_left_out_told_and_recorded_and_the_run_ends_well",
        "tests/unit/training/test_loop.py::test_a_step_whose_loss_is_not_finite_is_left_out_and_the_training_goes_on",
    ),
    "T2": (
        f"{_TRAINING}steps_that_are_never_finite_end_the_training_and_no_such_number_reaches_a_checkpoint",
        "tests/flows/test_run_folder.py::test_a_loss_that_is_not_finite_ends_with_its_message_in_error_json",
    ),
    "T3": (
        f"{_TRAINING}a_step_that_is_not_finite_is_left_out_told_and_recorded_and_the_run_ends_well",
        "tests/unit/training/test_loop.py::test_a_step_whose_gradient_is_not_finite_is_left_out",
        "tests/unit/training/test_loop.py::"
        "test_under_fp16_a_gradient_that_no_scale_mends_is_a_fault_before_the_weights_change",
    ),
    "T4": "no sense: the loss of a batch of 16 texts jumps in every training; gradients are clipped, the loss of each "
    "step is shown and kept, and what is saved are the weights that were best on validation, from before a spike that "
    "did harm",
    "T5": (
        "tests/flows/test_memory.py::test_a_job_within_a_real_limit_ends_with_its_weights_or_is_explained",
        "tests/unit/training/test_memory.py::test_a_training_that_runs_out_of_memory_ends_as_the_undisturbed_one",
        "tests/unit/training/test_memory.py::test_where_not_even_a_row_fits_the_fault_has_its_figures",
    ),
    "T6": (
        f"{_TRAINING}a_validation_side_of_one_label_has_its_scores_and_the_best_weights_are_kept",
        f"{_TRAINING}an_empty_validation_side_is_a_fault_of_the_data",
    ),
    "T7": (f"{_TRAINING}a_model_that_predicts_one_class_only_is_told",),
    "T8": (
        f"{_TRAINING}a_display_that_cannot_be_written_ends_no_training",
        f"{_TRAINING}a_line_of_events_that_cannot_be_written_ends_the_training_which_goes_on_by_the_same_command",
        f"{_TRAINING}a_training_whose_terminal_is_closed_saves_and_goes_on_by_the_same_command",
    ),
    "T9": "no sense: no process loads data for a training, tokens are read from a file by the process that trains; the "
    "end of one of several processes is held by tests/flows/test_several_processes.py::"
    "test_a_process_that_ends_in_the_middle_of_training_ends_the_job",
    "T10": (
        "tests/flows/test_resume.py::test_a_run_that_is_stopped_and_continued_ends_bit_for_bit_as_one_that_was_not",
        "tests/flows/test_resume.py::test_the_command_saves_on_a_signal_says_so_and_the_same_command_goes_on",
        f"{_TRAINING}a_signal_during_a_save_lets_it_end_and_is_obeyed_then",
        f"{_TRAINING}a_second_signal_ends_a_save_at_once_and_the_checkpoint_before_is_whole",
        f"{_TRAINING}a_training_whose_terminal_is_closed_saves_and_goes_on_by_the_same_command",
    ),
    "T11": (
        "tests/flows/test_budget.py::"
        "test_a_machine_that_slows_down_half_way_ends_in_time_with_a_scored_and_saved_model",
    ),
    "T12": (
        "tests/flows/test_same_again.py::test_a_second_process_in_another_folder_ends_bit_for_bit_alike",
        "tests/unit/training/test_loop.py::"
        "test_two_fresh_runs_end_with_the_same_weights_to_the_bit_and_another_seed_does_not",
    ),
    "T13": (
        "tests/flows/test_resume.py::test_the_threads_of_the_start_are_those_of_the_end",
        f"{_TRAINING}another_number_of_threads_is_another_job_than_the_one_that_was_stopped",
    ),
}

P: dict[str, tuple[str, ...] | str] = {
    "P1": (
        "tests/faults/test_kills.py::test_killed_jobs_end_by_the_same_command_with_the_same_weights",
        f"{_DISK}a_run_that_was_killed_after_its_end_loses_its_checkpoints_to_the_same_command",
    ),
    "P2": ("tests/faults/test_saves.py::test_whatever_ends_a_save_the_old_or_the_new_checkpoint_is_whole",),
    "P3": (
        f"{_DISK}a_disk_without_room_for_a_third_checkpoint_keeps_the_two_and_the_run_goes_on_where_there_is",
        f"{_DISK}saves_that_fail_are_told_and_tried_again_and_three_in_a_row_end_the_training",
        f"{_DISK}a_save_that_failed_once_costs_nothing_but_a_warning",
        f"{_DISK}a_save_that_fails_is_not_tried_again_after_every_step",
    ),
    "P4": ("tests/faults/test_saves.py::test_whatever_ends_a_save_the_old_or_the_new_checkpoint_is_whole",),
    "P5": (
        f"{_DISK}predictions_for_a_device_that_is_full_are_a_fault_of_the_disk",
        f"{_DISK}predictions_that_find_no_room_leave_no_file",
        f"{_DISK}a_full_disk_under_stdout_is_one_message",
        f"{_DISK}a_cache_without_room_is_named",
        f"{_DISK}saves_that_fail_are_told_and_tried_again_and_three_in_a_row_end_the_training",
    ),
    "P6": (
        "tests/flows/test_resume.py::test_the_second_process_in_a_folder_is_told_of_the_first",
        f"{_PROCESS}of_eight_processes_one_has_the_folder_and_a_killed_one_leaves_it_free_at_once",
        f"{_PROCESS}a_process_that_planned_while_another_one_trained_starts_nothing_over",
    ),
    "P7": (
        f"{_PROCESS}where_the_file_system_knows_no_locks_a_file_takes_their_place",
        f"{_PROCESS}a_file_system_that_fails_to_lock_is_a_fault_of_the_disk",
    ),
    "P8": (f"{_PROCESS}a_clock_that_jumps_changes_nothing",),
    "P9": (
        f"{_DISK}a_run_folder_that_is_gone_ends_the_training_and_is_not_made_anew",
        f"{_DISK}a_run_folder_that_may_no_longer_be_written_ends_the_training_with_its_path",
        f"{_DISK}an_unfinished_run_in_a_folder_that_may_not_be_written_is_refused_with_its_path",
        f"{_DISK}a_mirror_that_is_gone_is_told_and_not_made_anew",
        f"{_DISK}checkpoints_that_cannot_be_removed_cost_no_result",
    ),
    "P10": ("tests/unit/test_durable.py::test_everything_is_flushed_before_it_gets_its_name_and_the_name_after",),
    "P11": (
        f"{_PROCESS}a_console_that_lacks_letters_gets_them_escaped",
        f"{_PROCESS}texts_under_a_locale_without_their_letters_are_read_as_utf_8",
        f"{_PROCESS}a_training_needs_no_streams_no_environment_and_few_files_and_keeps_the_umask",
        f"{_PROCESS}a_job_without_one_of_its_streams_says_on_the_other_what_belongs_there",
        f"{_PROCESS}a_reader_that_has_gone_ends_no_training",
        "tests/unit/cli/test_cli_app.py::test_a_reader_that_went_away_ends_the_command_quietly",
        "tests/unit/cli/test_cli_app.py::test_where_the_terminal_knows_no_hangul_it_is_escaped",
    ),
    "P12": (
        f"{_PROCESS}a_training_needs_no_streams_no_environment_and_few_files_and_keeps_the_umask",
        f"{_PROCESS}a_home_that_cannot_be_written_is_not_needed",
        f"{_PROCESS}the_cache_that_takes_the_place_of_another_ends_with_its_process",
    ),
    "P13": (
        f"{_PROCESS}a_training_needs_no_streams_no_environment_and_few_files_and_keeps_the_umask",
        f"{_PROCESS}too_many_open_files_are_told_as_such",
    ),
    "P14": (
        f"{_PROCESS}a_signal_that_whoever_started_the_job_ignores_does_not_stop_it",
        f"{_PROCESS}the_first_process_of_a_container_hears_signals_and_leaves_no_child",
    ),
    "P15": (
        f"{_PROCESS}a_prediction_that_is_killed_leaves_no_file_that_looks_whole",
        f"{_DISK}whatever_ends_the_saving_of_a_model_there_is_a_whole_one_or_none",
        "tests/unit/cli/test_cli_commands.py::test_an_interrupted_prediction_leaves_no_file",
    ),
    "P16": (
        f"{_PROCESS}the_first_process_of_a_container_hears_signals_and_leaves_no_child",
        f"{_PROCESS}a_prediction_that_is_killed_leaves_no_file_that_looks_whole",
    ),
}
