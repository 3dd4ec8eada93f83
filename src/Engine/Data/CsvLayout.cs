namespace Faith.Engine.Data;

/// <summary>The column layouts of CSV data sets; each is recognised by the columns it needs, and other columns are ignored.</summary>
public enum CsvLayout
{
    /// <summary>clean, corrupted, correct_idx, incorrect_idx: one answer id and one distractor id.</summary>
    IndirectObject,
    /// <summary>clean, corrupted, clean_answer_idx, corrupted_answer_idx: the ids right for each prompt.</summary>
    GenderBias,
    /// <summary>clean, corrupted, country_idx, corrupted_country_idx: the ids right for each prompt.</summary>
    FactRetrieval,
    /// <summary>clean, corrupted, answers_idx, corrupted_answers_idx: lists of ids, "[16840, 23685]".</summary>
    Hypernymy,
    /// <summary>clean, corrupted, plural: 1 when plural verbs are right, 0 when singular ones are; the verbs stand in a second file.</summary>
    VerbAgreement,
    /// <summary>clean, corrupted, and correct_idx or label: a two-digit year; later years are answers, the others distractors.</summary>
    GreaterThan,
}
