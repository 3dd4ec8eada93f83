using Faith.Engine.Data;
using Xunit;

namespace Faith.Engine.Tests.Data;

public sealed class CsvTests : DataTest
{
    private const string Verbs = "idx,sing,plur,freq\n_,is,are,_\n_,runs,run,_\n_,well behaves,well behave,_\n";

    [Fact]
    public void Columns_may_be_called_otherwise()
    {
        var path = Write("d.csv", "id,question,foil,right,wrong\n1,a b,a c, on,\"[5, 6]\"\n2,d e,d f,7,8\n");
        var tokenizer = new WordTokenizer();
        var set = PromptSet.Load(path, tokenizer, Config, format: new() { Columns = PromptColumns.Parse("clean=question,corrupted=foil,answers=right,distractors=wrong") });
        Assert.Equal("<s>a b", tokenizer.Decode(set[0].Clean));
        Assert.Equal(" on", tokenizer.TokenText(set[0].Answers.Single()));
        Assert.Equal([5, 6], set[0].Distractors);
        Assert.Equal([7], set[1].Answers);
        Assert.Contains("line 1: there is no column \"prompt\"; there are id, question, foil, right, wrong", Refused(() => PromptSet.Load(path, tokenizer, Config, format: new() { Columns = PromptColumns.Parse("clean=prompt") })), StringComparison.Ordinal);
        Assert.Contains("\"corrupted\" is missing", Refused(() => PromptSet.Load(path, tokenizer, Config, format: new() { Columns = PromptColumns.Parse("clean=question") })), StringComparison.Ordinal);
    }

    [Fact]
    public void Indirect_object()
    {
        var tokenizer = new WordTokenizer();
        var set = Csv(",clean,corrupted,corrupted_hard,correct_idx,incorrect_idx\r\n826,\"When Amy, \"\"A\"\"\",\"When Ann, \"\"A\"\"\",x,14235,16753\r\n", tokenizer);
        Assert.Equal([0, .. tokenizer.Encode("When Amy, \"A\"")], set[0].Clean);
        Assert.Equal([14235], set[0].Answers);
        Assert.Equal([16753], set[0].Distractors);
    }

    [Fact]
    public void Pairs_of_ids_and_lists_of_ids()
    {
        Assert.Equal([673], Csv("clean,corrupted,clean_answer_idx,corrupted_answer_idx,label\na,b,673,339,0")[0].Answers);
        Assert.Equal([1578], Csv("clean,capital,country,country_idx,corrupted,corrupted_country_idx\na,Kabul,Afghanistan,8037,b,1578\n")[0].Distractors);
        var set = Csv("clean,answers,answers_idx,corrupted,corrupted_answers_idx\na,\"['gem', 'gems']\",\"[16840, 23685]\",b,[7018]\n");
        Assert.Equal([16840, 23685], set[0].Answers);
        Assert.Equal([7018], set[0].Distractors);
    }

    [Fact]
    public void Greater_than_takes_the_years_above_as_answers()
    {
        var tokenizer = new WordTokenizer();
        var set = Csv("clean,corrupted,correct_idx\nfrom 1707 to 17,from 1701 to 17,07\n", tokenizer);
        Assert.Equal(Enumerable.Range(8, 92).Select(y => Assert.Single(tokenizer.Encode($"{y:00}"))), set[0].Answers);
        Assert.Equal(Enumerable.Range(0, 8).Select(y => Assert.Single(tokenizer.Encode($"{y:00}"))), set[0].Distractors);
    }

    [Fact]
    public void Agreement_takes_the_verbs_beside_the_data()
    {
        var tokenizer = new WordTokenizer();
        Write("data-verbs.csv", Verbs);
        var set = Csv("clean,corrupted,group,plural\nThe songs,The song,g,1\nThe song,The songs,g,0\n", tokenizer);
        int[] singular = [.. tokenizer.Encode(" is"), .. tokenizer.Encode(" runs")];
        int[] plural = [.. tokenizer.Encode(" are"), .. tokenizer.Encode(" run")];
        Assert.Equal([plural, singular], [set[0].Answers, set[0].Distractors]);
        Assert.Equal([singular, plural], [set[1].Answers, set[1].Distractors]);
    }

    [Fact]
    public void Agreement_without_verbs_is_refused()
    {
        const string data = "clean,corrupted,plural\na,b,1\n";
        Assert.Contains("data.csv: the list of verbs is missing; put it beside the data as data-verbs.csv", Refused(() => Csv(data)), StringComparison.Ordinal);
        Write("verbs.csv", "a,b\n1,2\n");
        Assert.Contains("verbs.csv: the column sing (or singular) is missing", Refused(() => Csv(data)), StringComparison.Ordinal);
        Write("verbs.csv", "singular,plural\nwell behaves,well behave\n");
        Assert.Contains("none of the verbs in sing is one token", Refused(() => Csv(data)), StringComparison.Ordinal);
        Assert.Contains("the model has no tokenizer", Refused(() => PromptSet.Load(Write("data.csv", data), null, Config)), StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_may_hold_line_breaks_and_rows_keep_their_line_numbers()
    {
        var tokenizer = new WordTokenizer();
        var set = Csv("clean,corrupted,correct_idx,incorrect_idx\n\n\"a\nb\",\"c\nd\",1,2", tokenizer);
        Assert.Equal("a\nb", set.Texts[0].Clean);
        Assert.Contains("line 6: token id 50257", Refused(() => Csv("clean,corrupted,correct_idx,incorrect_idx\n\"a\nb\",\"c\nd\",1,2\n\nx,y,50257,2\n")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "the data set holds no examples")]
    [InlineData("clean,corrupted,correct_idx\n", "the data set holds no examples")]
    [InlineData("clean,corrupted,labels\na,b,1\n", "line 1: no known column layout; besides clean and corrupted a file needs one of: correct_idx, incorrect_idx; clean_answer_idx")]
    [InlineData("prompt,correct_idx\na,1\n", "no known column layout")]
    [InlineData("clean,corrupted,plural,plural\n", "line 1: the column \"plural\" appears twice")]
    [InlineData("clean,corrupted,correct_idx\na,b\n", "line 2: the row has 2 fields and the header 3")]
    [InlineData("clean,corrupted,correct_idx\na,b,1,2,3\n", "line 2: the row has more than the 3 fields of the header")]
    [InlineData("clean\tcorrupted\tlabel\na\tb\t1\n", "line 1: the columns are separated by tabs; in CSV commas separate them")]
    [InlineData("clean;corrupted;label\na;b;1\n", "line 1: the columns are separated by semicolons; in CSV commas separate them")]
    [InlineData("clean,corrupted,correct_idx\na,\"b,1\n", "line 2: a quote is not closed")]
    [InlineData("clean,corrupted,correct_idx\na,\"b\"c,1\n", "line 2: text follows the closing quote")]
    [InlineData("clean,corrupted,correct_idx\na,b\"c,1\n", "line 2: a quote stands inside a field")]
    [InlineData("clean,corrupted,correct_idx\na,b,x\n", "line 2: \"x\" in \"correct_idx\" is not a whole number")]
    [InlineData("clean,corrupted,correct_idx\na,b,99\n", "line 2: \"correct_idx\" is 99; it must be a two-digit year from 0 to 98")]
    [InlineData("clean,corrupted,correct_idx,incorrect_idx\na,b,1,-4\n", "line 2: token id -4 in \"distractors\" is outside the vocabulary")]
    [InlineData("clean,corrupted,answers_idx,corrupted_answers_idx\na,b,1,2\n", "line 2: \"1\" in \"answers_idx\" is not a list of token ids")]
    [InlineData("clean,corrupted,answers_idx,corrupted_answers_idx\na,b,[],[2]\n", "line 2: \"answers\" is empty")]
    [InlineData("clean,corrupted,answers_idx,corrupted_answers_idx\na,b,\"[1,]\",[2]\n", "line 2: \"\" in \"answers_idx\" is not a whole number")]
    [InlineData("clean,corrupted,correct_idx,incorrect_idx\na,b c,1,2\n", "line 2: clean has 2 tokens and corrupted 3")]
    public void Bad_tables_are_refused(string content, string message)
    {
        Write("data-verbs.csv", Verbs);
        Assert.Contains(message, Refused(() => Csv(content)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plural_that_is_neither_0_nor_1_is_refused()
    {
        Write("data-verbs.csv", Verbs);
        Assert.Contains("line 2: \"plural\" is \"yes\"; it must be 0 or 1", Refused(() => Csv("clean,corrupted,plural\na,b,yes\n")), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused() =>
        Assert.Contains("line 1: is not valid UTF-8", Refused(() => PromptSet.Load(Write("data.csv", [.. "clean"u8, 0xc3]), null, Config)), StringComparison.Ordinal);

    [Fact]
    public void A_line_without_measure_is_refused()
    {
        var content = $"clean,corrupted,correct_idx,incorrect_idx\n{new string('a', 32 << 20)},b,1,2\n";
        Assert.Contains("line 2: is longer than 32 MiB, which is no example", Refused(() => Csv(content)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clean,corrupted,correct_idx,incorrect_idx\ra,b,1,2\r", 1)]
    [InlineData("clean,corrupted,correct_idx,incorrect_idx\na,b,1,2\ra,b,1,2\n", 2)]
    public void Lines_that_end_with_a_carriage_return_alone_are_refused(string content, int line) =>
        Assert.Contains($"line {line}: a carriage return stands alone", Refused(() => Csv(content)), StringComparison.Ordinal);

    [Fact]
    public void A_label_is_a_two_digit_year()
    {
        var set = Csv("clean,corrupted,label\nfrom 13 to 13,from 13 to 14,52\n");
        Assert.Equal((47, 53), (set[0].Answers.Length, set[0].Distractors.Length));
    }

    [Fact]
    public void What_is_no_table_takes_no_more_memory_than_its_bytes()
    {
        // Rows were read before the header was looked at, and rows to their end: both took hundreds of bytes for every one of the file.
        const int length = 8 << 20;
        var shortRows = Write("rows.csv", "clean\n" + string.Concat(Enumerable.Repeat("a\n", length / 2)));
        var commas = Write("commas.csv", new string(',', length));
        var longRow = Write("row.csv", "clean,corrupted,label\n" + new string(',', length));
        Assert.Contains("no known column layout", WithinMemory(shortRows), StringComparison.Ordinal);
        Assert.Contains("line 1: the header has more than 1000 columns", WithinMemory(commas), StringComparison.Ordinal);
        Assert.Contains("line 2: the row has more than the 3 fields", WithinMemory(longRow), StringComparison.Ordinal);

        string WithinMemory(string path)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var message = Refused(() => PromptSet.Load(path, new WordTokenizer(), Config));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 6L * length);
            return message;
        }
    }

    [Fact]
    public void Prompts_alone_will_do_where_nothing_else_is_needed()
    {
        var set = PromptSet.Load(Write("d.csv", "clean\na b\nc d e\n"), new WordTokenizer(), Config, new PromptNeeds(null, null, null));
        Assert.Equal(2, set.Count);
        Assert.Contains("no known column layout", Refused(() => Csv("clean\na b\n")));
    }

    [Fact]
    public void A_plural_verb_counts_where_its_singular_is_one_token_too()
    {
        Write("verbs.csv", "sing,plur\nruns,run\nwalks about,walk\nsits,sit\n");
        var set = Csv("clean,corrupted,plural\na b,c d,1\n");
        Assert.Equal((2, 2), (set[0].Answers.Length, set[0].Distractors.Length));
    }

    [Fact]
    public void Ids_of_another_tokenizer_are_doubted()
    {
        var words = new WordTokenizer();
        var (name, other) = (words.Encode(" Amy")[0], words.Encode(" Laura")[0]);
        string Table(int answer) => "clean,corrupted,correct_idx,incorrect_idx\n" + string.Concat(Enumerable.Repeat($"Amy and Laura met. Laura gave it to,Amy and Laura met. Bob gave it to,{answer},{other}\n", 5));
        Assert.Null(Csv(Table(name), words).Doubt);
        var foreign = words.Encode(" elephant")[0];
        Assert.Contains($"the answer {foreign} is \" elephant\", which does not stand in its row; 5 of the first 5 rows", Csv(Table(foreign), words).Doubt);
    }
}
