"""Each fault that is looked for, by its id: the tests that hold it, or why whet cannot have it.

A test is `file::function`; a sentence that begins with "no sense: " is a reason.
"""

from __future__ import annotations

CONFIG = "tests/faults/test_config.py"
CHECKPOINTS = "tests/faults/test_checkpoint_files.py"
MODELS = "tests/faults/test_model_files.py"
MISTAKES = "tests/flows/test_mistakes.py"
_DATA = "tests/faults/test_data.py::test_"
_READ = "tests/unit/data/test_read.py::test_"
_FORMATS = "tests/unit/data/test_formats.py::test_"
_COLUMNS = "tests/unit/data/test_columns.py::test_"
_DOCTOR = "tests/unit/data/doctor/test_"
_FOUND = "tests/flows/test_data_doctor.py::test_"
_TRAINING = "tests/faults/test_training.py::test_"
_DISK = "tests/faults/test_disk.py::test_"
_PROCESS = "tests/faults/test_process.py::test_"
_APP = "tests/unit/server/test_app.py::test_"
_SOCKETS = "tests/unit/server/test_sockets.py::test_"
_BATCHES = "tests/unit/server/test_batcher.py::test_"
_SERVING = "tests/unit/server/test_process.py::test_"
_FUZZ = "tests/unit/server/test_fuzz.py::test_"
_PAGE = "tests/web/test_page.py::test_"

# D, labelled text. There are no options --on-bad-row (D5, D14, D15), --strip-labels (D10) and --unknown-label (D21):
# the safe answer is enough. Which rows are damaged is told, and whether they are mended or dropped is the user's to
# decide; labels stay byte for byte.
D: dict[str, tuple[str, ...] | str] = {
    "D1": (f"{MISTAKES}::test_a_file_that_is_not_there",
           f"{_READ}a_missing_file_is_named_with_its_folder_and_the_nearest_name",
           "tests/unit/data/test_folders.py::test_a_folder_with_nothing_of_that_points_to_its_files",
           f"{_FORMATS}a_file_that_may_not_be_read_says_so"),
    "D2": (f"{MISTAKES}::test_an_empty_file",
           f"{MISTAKES}::test_a_header_without_rows",
           f"{_FORMATS}a_damaged_or_empty_parquet_is_a_data_error"),
    "D3": (f"{MISTAKES}::test_a_label_column_that_is_not_there",
           f"{_COLUMNS}given_columns_are_taken_without_regard_to_case",
           f"{_FORMATS}a_byte_order_mark_is_no_part_of_the_first_name"),
    "D4": (f"{_DATA}a_file_in_another_encoding_is_never_guessed_and_the_option_is_named",
           f"{_FORMATS}korean_in_cp949_is_told_from_latin_1"),
    "D5": (f"{_DATA}one_wrong_byte_in_100_000_rows_is_named_with_its_line",),
    "D6": (f"{_DATA}characters_that_no_text_has_are_counted_and_learnt_and_answered_as_what_they_become",
           f"{_FORMATS}nul_characters_are_kept"),
    "D7": (f"{_DATA}characters_that_no_text_has_are_counted_and_learnt_and_answered_as_what_they_become",
           f"{_DATA}a_lone_surrogate_goes_through_the_whole_command",
           "tests/unit/data/test_clean.py::test_every_text_can_be_cleaned_once_and_then_written"),
    "D8": (f"{_DATA}labels_that_look_like_gaps_numbers_or_each_other_stay_byte_for_byte",
           f"{MISTAKES}::test_labels_keep_their_spelling"),
    "D9": (f"{_DATA}labels_that_look_like_gaps_numbers_or_each_other_stay_byte_for_byte",
           f"{_COLUMNS}labels_of_other_types_are_spelled"),
    "D10": (f"{_DATA}labels_that_look_like_gaps_numbers_or_each_other_stay_byte_for_byte",
            f"{_DOCTOR}names.py::test_spellings_are_named_in_pairs_with_their_rows",
            f"{_DOCTOR}names.py::test_labels_that_differ_by_case_space_form_or_type_are_the_same"),
    "D11": (f"{_DATA}rows_without_label_are_named",
            f"{_COLUMNS}rows_without_a_label_are_named",
            f"{_FOUND}a_missing_label_is_a_finding_of_check_and_ends_a_training"),
    "D12": (f"{_DATA}empty_texts_get_an_answer_each",
            f"{_DOCTOR}copies.py::test_empty_texts_are_counted_with_those_of_white_space_and_named",
            f"{_DOCTOR}copies.py::test_empty_texts_in_more_than_one_row_of_twenty_are_an_error"),
    "D13": (f"{_DATA}numbers_as_texts_are_texts",
            f"{_FORMATS}numbers_as_texts_stay_as_they_are_written"),
    "D14": (f"{_FORMATS}ragged_rows_are_named_by_line_the_first_five_and_a_count",
            f"{_FORMATS}an_extra_field_in_every_row_is_an_error_too"),
    "D15": (f"{_FORMATS}ragged_rows_are_named_by_line_the_first_five_and_a_count",),
    "D16": (f"{_FORMATS}an_unclosed_quote_is_named_by_the_line_that_opens_it",
            f"{_FORMATS}a_quote_that_a_later_quote_closes_by_accident_is_named_with_both_lines"),
    "D17": (f"{_DATA}a_text_of_50_mb_is_read_within_eight_times_its_size",
            f"{_FORMATS}a_long_field_is_read_and_the_limit_of_the_process_is_put_back",
            "tests/unit/data/test_places.py::test_a_million_places_and_row_numbers_take_8_bytes_each"),
    "D18": (f"{_FORMATS}repeated_and_empty_column_names_are_refused_together",
            f"{_READ}repeated_names_in_a_frame_are_refused"),
    "D19": (f"{MISTAKES}::test_one_class_only",
            f"{_DOCTOR}look.py::test_one_label_is_an_error_in_the_words_of_the_label_set"),
    "D20": (f"{_DOCTOR}names.py::test_a_label_of_too_few_rows_for_its_sides_is_named_with_its_first_place",
            "tests/unit/data/test_split.py::test_a_label_of_one_row_goes_to_train"),
    "D21": (f"{MISTAKES}::test_a_label_in_test_that_training_lacks",
            f"{MISTAKES}::test_other_labels_than_the_run_knows_cannot_be_scored",
            f"{_DOCTOR}names.py::test_labels_that_train_lacks_are_an_error"),
    "D22": (f"{_DOCTOR}copies.py::test_test_texts_that_train_has_are_counted_as_rows_and_as_texts",
            f"{_DOCTOR}copies.py::test_where_more_than_a_fifth_of_the_test_rows_stand_in_train_it_is_an_error",
            f"{_DOCTOR}near.py::test_rows_of_another_side_are_held_against_train_and_against_their_own",
            f"{_FOUND}a_training_keeps_its_findings_and_scores_without_the_leaked_rows",
            f"{_FOUND}a_test_side_that_train_has_is_refused_unless_it_is_allowed"),
    "D23": (f"{_DOCTOR}copies.py::test_equal_texts_under_different_labels_are_found",),
    "D24": (f"{_DATA}data_of_which_one_byte_changed_are_other_data",
            f"{CONFIG}::test_a_run_is_not_gone_on_with_by_other_settings_and_the_differences_are_listed"),
    "D25": (f"{_DATA}a_line_that_is_no_row_is_named",
            f"{_DATA}a_text_that_is_a_list_or_an_object_is_named",
            f"{_FORMATS}bad_lines_of_jsonl_are_named_together"),
    "D26": (f"{_DATA}fewer_rows_than_a_batch_train_in_one_step_an_epoch",
            f"{_DATA}a_single_row_is_no_training_data"),
    "D27": (f"{_DATA}a_text_of_2_mb_is_answered_as_quickly_as_its_beginning",
            "tests/unit/data/test_clean.py::test_a_text_of_2_mb_is_composed_in_a_moment"),
    "D28": (f"{_DATA}a_pickle_by_any_name_is_refused_and_not_opened",
            f"{_DATA}other_types_are_refused",
            f"{_FORMATS}other_file_types_are_refused_by_name_and_by_first_bytes"),
    "D29": (f"{_DATA}what_never_ends_is_refused_at_once",),
}  # fmt: skip

C: dict[str, tuple[str, ...] | str] = {
    "C1": (f"{CONFIG}::test_every_setting_with_one_letter_wrong_is_unknown_and_the_nearest_is_named",
           f"{MISTAKES}::test_an_unknown_option"),
    "C2": (f"{CONFIG}::test_any_value_of_any_setting_is_taken_in_its_type_or_is_a_usage_error",
           f"{CONFIG}::test_a_wrong_value_ends_the_command_before_anything_is_written"),
    "C3": (f"{CONFIG}::test_a_recipe_that_cannot_be_meant_is_refused_with_its_place",
           f"{CONFIG}::test_a_file_of_label_names_that_cannot_be_meant_is_refused"),
    "C4": (f"{CONFIG}::test_settings_that_contradict_each_other_are_both_named",
           f"{CONFIG}::test_what_a_recipe_says_of_validation_may_lie_idle",
           f"{CONFIG}::test_a_warmup_of_all_steps_and_one_under_a_budget_are_taken"),
    "C5": (f"{MISTAKES}::test_a_length_that_the_model_does_not_take",),
    "C6": (f"{CONFIG}::test_a_device_that_is_not_there_is_named_with_those_that_are",
           "tests/flows/test_require_gpu.py::"
           "test_a_training_that_requires_a_gpu_is_refused_before_its_data_is_read"),
    "C7": (f"{CONFIG}::test_the_folder_one_stands_in_is_no_run_and_is_left_alone",
           f"{CONFIG}::test_the_root_of_the_disk_is_no_run",
           f"{CONFIG}::test_another_run_is_left_alone_whatever_its_description_is",
           "tests/flows/test_run_folder.py::test_output_with_foreign_files_is_refused_and_they_stay",
           f"{MISTAKES}::test_an_existing_file_as_output"),
    "C8": (f"{CONFIG}::test_a_run_is_not_gone_on_with_by_other_settings_and_the_differences_are_listed",
           f"{CONFIG}::test_without_output_other_settings_are_another_run_and_the_stopped_one_can_still_go_on",
           f"{CONFIG}::test_settings_that_decide_no_result_may_change"),
    "C9": (f"{CONFIG}::test_a_run_that_goes_on_with_other_versions_is_warned_and_the_warning_is_kept",
           f"{CONFIG}::test_the_same_versions_are_not_spoken_of"),
    "C10": (f"{CONFIG}::test_a_place_that_cannot_be_written_is_named",
            f"{CONFIG}::test_a_mirror_that_cannot_be_is_told_before_the_training_and_the_run_is_begun_again",
            f"{CONFIG}::test_a_name_that_looks_like_an_option_or_a_home_is_a_folder",
            f"{CONFIG}::test_a_folder_that_this_user_may_not_write_to_is_named",
            f"{CONFIG}::test_a_data_file_whose_name_is_no_utf8_is_trained_on"),
}  # fmt: skip

M: dict[str, tuple[str, ...] | str] = {
    "M1": (f"{CHECKPOINTS}::test_a_checkpoint_without_a_manifest_is_passed_over",),
    "M2": ("tests/faults/test_damages.py::test_a_damaged_checkpoint_is_passed_over_or_named",
           "tests/faults/test_damages.py::test_a_damaged_model_is_named"),
    "M3": ("tests/faults/test_damages.py::test_a_damaged_checkpoint_is_passed_over_or_named",),
    "M4": "no sense: there are no pointers called best or last; the best weights lie in the checkpoint that speaks of "
          "them (best.safetensors), and the newest whole one is found by its name",
    "M5": (f"{CHECKPOINTS}::test_a_manifest_that_is_none_makes_its_checkpoint_none",
           f"{CHECKPOINTS}::test_where_it_is_the_only_one_the_run_is_not_begun_anew",
           f"{CHECKPOINTS}::test_no_manifest_makes_a_foreign_folder_whole_or_the_reader_fail"),
    "M6": (f"{MODELS}::test_pickled_weights_are_refused_and_never_opened",
           f"{MODELS}::test_pickles_beside_the_weights_are_not_opened"),
    "M7": (f"{MODELS}::test_a_pickle_that_calls_itself_safetensors_is_refused",
           f"{CHECKPOINTS}::test_a_checkpoint_that_no_training_wrote_is_refused_and_runs_nothing",
           "tests/meta/test_layers.py::test_nothing_is_read_that_could_run_code"),
    "M8": (f"{MODELS}::test_a_configuration_that_names_code_is_refused_before_the_library_sees_it",
           f"{MODELS}::test_a_configuration_of_another_kind_or_size_is_refused_by_its_key",
           f"{MODELS}::test_a_configuration_that_no_model_can_be_made_of_is_refused",
           f"{MODELS}::test_an_adapter_is_not_followed_to_its_model"),
    "M9": (f"{MODELS}::test_code_in_the_folder_of_a_model_is_left_alone_and_that_is_said",),
    "M10": (f"{MODELS}::test_a_damaged_tokenizer_is_named",
            f"{MODELS}::test_what_stands_beside_a_tokenizer_is_read_with_the_same_care",
            f"{MODELS}::test_a_pattern_that_never_ends_is_a_fault_of_the_tokenizer",
            f"{MODELS}::test_a_tokenizer_of_more_words_than_the_model_has_is_refused"),
    "M11": (f"{MODELS}::test_weights_that_are_not_the_model_are_named",
            f"{MODELS}::test_weights_of_layers_that_the_configuration_does_not_have_are_told",
            "tests/unit/model/test_encoder.py::test_a_saved_model_that_lost_or_changed_a_weight_is_refused"),
    "M12": ("tests/unit/artifacts/test_artifact.py::test_swapped_labels_are_refused_with_both_orders",
            "tests/unit/artifacts/test_artifact.py::test_a_wrong_value_in_whet_json_is_a_model_error",
            "tests/faults/test_damages.py::test_a_damaged_model_is_named"),
    "M13": (f"{MODELS}::test_an_attack_on_the_reader_of_weights_ends_as_one_message",
            f"{CHECKPOINTS}::test_no_header_of_a_tensor_file_crashes_the_reader_or_takes_memory"),
    "M14": (f"{MODELS}::test_a_model_folder_that_is_a_link_is_followed_and_nothing_is_written_there",
            f"{MODELS}::test_a_link_that_leads_nowhere_is_named",
            f"{MODELS}::test_an_index_of_weights_leads_to_no_other_folder",
            f"{MISTAKES}::test_no_hub"),
    "M15": (f"{CHECKPOINTS}::test_there_is_a_checkpoint_of_every_format",
            f"{CHECKPOINTS}::test_a_checkpoint_of_an_older_version_is_gone_on_from"),
    "M16": (f"{CHECKPOINTS}::test_a_checkpoint_of_another_format_is_told_with_its_number_and_left",
            f"{CHECKPOINTS}::test_a_manifest_of_a_later_format_is_not_taken_for_damage_alone",
            "tests/unit/artifacts/test_artifact.py::test_a_newer_format_is_refused_with_advice"),
    "M17": (f"{CHECKPOINTS}::test_runs_that_are_cut_off_damaged_and_gone_on_with_lose_nothing",
            f"{CHECKPOINTS}::test_damaged_later_checkpoints_do_not_take_the_place_of_whole_ones"),
}  # fmt: skip

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
    "T7": ("tests/faults/test_unlearned.py::test_a_model_that_predicts_one_class_only_is_told",),
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
        f"{_DISK}predictions_that_find_no_room_leave_no_file_and_keep_what_found_some",
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
    "P10": ("tests/unit/disk/test_durable.py::test_everything_is_flushed_before_it_gets_its_name_and_the_name_after",),
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

S: dict[str, tuple[str, ...] | str] = {
    "S1": (f"{_APP}what_is_no_json_is_refused",),
    "S2": (f"{_APP}a_number_that_is_none_is_refused",),
    "S3": (f"{_APP}any_text_is_answered",),
    "S4": (
        f"{_APP}what_makes_no_sense_is_refused_by_its_place_and_not_repeated",
        f"{_FUZZ}what_the_schema_allows_and_what_it_forbids_is_answered_as_the_schema_says",
    ),
    "S5": (f"{_APP}any_text_is_answered", f"{_APP}what_makes_no_sense_is_refused_by_its_place_and_not_repeated"),
    "S6": (
        f"{_APP}a_body_that_is_too_large_is_refused_before_it_is_read",
        f"{_SOCKETS}a_length_that_is_too_large_is_refused_before_anything_of_it_comes",
        f"{_SOCKETS}a_body_that_does_not_tell_its_length_is_refused_when_it_is_too_long",
    ),
    "S7": (f"{_APP}too_many_texts_are_refused", f"{_APP}a_long_text_is_answered_and_said_to_be_cut"),
    "S8": (
        f"{_APP}a_wrong_method_or_path_is_refused",
        f"{_APP}a_body_of_another_type_or_compressed_is_refused",
    ),
    "S9": (
        f"{_SOCKETS}what_is_no_request_is_refused_with_all_headers_and_closed",
        f"{_SOCKETS}two_lengths_of_a_body_lead_to_one_request_and_not_to_two",
        f"{_SOCKETS}requests_that_come_all_at_once_are_answered_one_after_the_other",
    ),
    "S10": (
        f"{_SOCKETS}a_connection_that_is_silent_is_closed",
        f"{_SOCKETS}a_byte_now_and_then_does_not_keep_a_connection",
        f"{_SOCKETS}a_client_that_does_not_read_its_answer_is_left",
    ),
    "S11": (
        f"{_SOCKETS}connections_beyond_the_cap_end_the_one_that_is_idle_for_longest",
        f"{_SOCKETS}where_all_connections_wait_for_answers_another_one_is_refused",
    ),
    "S12": (
        f"{_BATCHES}more_than_may_wait_is_refused_at_once_with_the_time_to_come_back",
        f"{_BATCHES}what_may_wait_is_what_is_computed_in_the_time_that_clients_have",
    ),
    "S13": (
        f"{_SOCKETS}a_client_that_leaves_takes_its_text_with_it",
        f"{_BATCHES}a_request_whose_client_has_gone_is_never_computed",
        f"{_APP}an_explanation_that_nobody_waits_for_is_not_gone_on_with",
    ),
    "S14": (
        f"{_APP}a_request_that_waits_too_long_is_refused_and_its_place_is_free",
        f"{_BATCHES}a_request_that_waits_too_long_is_refused_and_never_computed",
    ),
    "S15": (
        f"{_BATCHES}a_request_that_fails_in_a_batch_fails_alone",
        f"{_APP}a_model_that_fails_is_one_answer_and_five_in_a_row_end_the_readiness_until_it_proves_itself",
        f"{_APP}a_model_that_fails_on_its_test_texts_is_not_ready",
    ),
    "S16": (
        f"{_BATCHES}when_the_thread_ends_all_that_wait_are_told_at_once",
        f"{_SOCKETS}a_server_whose_thread_has_ended_ends_too",
        f"{_SERVING}several_processes_serve_one_port_and_one_that_dies_is_followed_by_another",
    ),
    "S17": (
        f"{_SERVING}a_server_that_is_told_to_end_under_load_answers_all_that_it_has_taken",
        f"{_SERVING}so_do_twenty",
        f"{_SERVING}a_second_signal_ends_it_at_once",
        f"{_APP}an_explanation_on_its_way_does_not_keep_the_server_from_its_end",
    ),
    "S18": (
        f"{_SERVING}a_port_that_is_taken_is_named_before_the_model_is_read",
        f"{_SERVING}a_damaged_model_is_not_served",
    ),
    "S19": (
        f"{_APP}a_model_that_does_not_answer_its_test_texts_is_not_served",
        "tests/unit/artifacts/test_exported.py::test_a_model_that_answers_any_of_its_test_texts_differently_is_not_served",
    ),
    "S20": (f"{_SERVING}what_happens_to_the_files_of_a_model_later_does_not_matter",),
    "S21": (
        f"{_SOCKETS}of_many_clients_at_once_each_gets_its_own_answers",
        f"{_BATCHES}whatever_is_asked_together_each_request_gets_its_own_answers",
    ),
    "S22": ("tests/unit/prediction/test_predictor.py::test_a_text_is_answered_alone_as_in_company",),
    "S23": (f"{_FUZZ}memory_does_not_grow_with_the_requests",),
    "S24": (f"{_APP}the_counts_of_the_metrics_add_up_and_have_no_word_of_a_client",),
    "S25": (f"{_SOCKETS}where_no_file_can_be_opened_any_more_the_server_recovers",),
}

X: dict[str, tuple[str, ...] | str] = {
    "X1": (
        f"{_PAGE}texts_labels_and_files_do_nothing",
        f"{_PAGE}what_stands_in_the_page_could_not_run_anyway",
        f"{_APP}the_page_sets_texts_and_nothing_else",
    ),
    "X2": (
        f"{_APP}every_answer_has_its_headers",
        f"{_APP}so_do_refusals_and_faults",
        f"{_APP}a_fault_of_the_disk_or_of_rust_in_a_route_is_an_answer_and_a_line_of_log",
    ),
    "X3": (
        f"{_APP}labels_tell_what_a_client_has_to_know_and_nothing_is_put_into_a_page",
        f"{_PAGE}texts_labels_and_files_do_nothing",
    ),
    "X4": (
        f"{_PAGE}a_csv_is_answered_row_by_row_and_downloaded_safe_for_a_spreadsheet",
        "tests/unit/prediction/test_written.py::test_a_spreadsheet_computes_no_text_and_no_label",
    ),
    "X5": (f"{_APP}another_host_is_refused",),
    "X6": (
        f"{_APP}a_page_of_another_origin_is_refused",
        f"{_APP}a_body_of_another_type_or_compressed_is_refused",
    ),
    "X7": (
        f"{_APP}with_a_token_only_who_has_it_is_answered_and_the_rest_is_open",
        f"{_SERVING}an_address_that_others_reach_needs_a_token",
        f"{_SERVING}a_token_that_is_easily_guessed_or_cannot_be_sent_is_refused",
        f"{_PAGE}a_token_is_asked_for_and_kept_nowhere",
    ),
    "X8": (f"{_APP}no_path_leads_to_a_file",),
    "X9": (f"{_APP}there_are_these_routes_and_no_others",),
    "X10": "no sense: whet opens no archive; a model is a folder",
    "X11": (
        f"{_APP}nothing_of_a_text_or_of_a_token_is_logged",
        f"{_APP}a_log_line_is_one_line_of_plain_letters",
    ),
    "X12": (
        f"{_APP}nothing_of_a_text_or_of_a_token_is_logged",
        "tests/flows/test_linear.py::test_no_secret_of_the_environment_stands_in_what_is_written",
    ),
    "X13": (
        "tests/unit/data/test_clean.py::test_a_text_of_2_mb_is_composed_in_a_moment",
        f"{MODELS}::test_a_pattern_that_never_ends_is_a_fault_of_the_tokenizer",
    ),
    "X14": ("tests/unit/disk/test_durable.py::test_a_planted_link_is_replaced_and_what_it_leads_to_stays",),
    "X15": (f"{_APP}a_wrong_method_or_path_is_refused", f"{_APP}every_answer_has_its_headers"),
    "X16": "no sense: whet warns of no versions at its start; pyproject.toml holds the floors torch 2.10 and "
    "transformers 5.3, its extra serve that of h11 0.16",
    "X17": (
        f"{MODELS}::test_a_configuration_that_names_code_is_refused_before_the_library_sees_it",
        f"{MODELS}::test_pickled_weights_are_refused_and_never_opened",
    ),
    "X18": ("tests/flows/test_export.py::test_no_folder_that_is_handed_out_has_a_row_of_the_data",),
}
