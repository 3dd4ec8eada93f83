using Faith.Engine.Tasks;
using Xunit;

namespace Faith.Engine.Tests.Tasks;

public sealed class TaskGeneratorTests
{
    private const int Count = 400;

    public static TheoryData<string> Names => [.. TaskCatalog.All.Select(task => task.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Equal_seeds_give_equal_prompts_and_other_seeds_others(string name)
    {
        var task = TaskCatalog.Find(name);
        var prompts = Texts(task.Generate(Count, 7, TaskSplit.Train));

        Assert.Equal(prompts, Texts(task.Generate(Count, 7, TaskSplit.Train)));
        Assert.Equal(prompts[..50], Texts(task.Generate(50, 7, TaskSplit.Train)));
        Assert.NotEqual(prompts, Texts(task.Generate(Count, 8, TaskSplit.Train)));
    }

    // The prompts of a seed are a promise to every file and score made from them.
    [Theory]
    [InlineData("ioi", "When Mark and Nina went to the village, Mark gave a camera to", "When Mark and Nina went to the village, Ida gave a camera to")]
    [InlineData("greater-than", "The boom went on from 1681 to 16", "The boom went on from 1601 to 16")]
    [InlineData("gendered-pronoun", "My neighbour, called Greta, cried although", "My neighbour, called Louis, cried although")]
    [InlineData("sva", "The gardener beside the farmer", "The gardeners beside the farmer")]
    [InlineData("capital-country", "The guide told us that Ottawa, the capital of", "The guide told us that Bratislava, the capital of")]
    [InlineData("hypernymy", "Nobody had heard of lemons rather than other", "Nobody had heard of maples rather than other")]
    public void The_first_prompt_of_seed_zero_never_changes(string name, string clean, string corrupted)
    {
        var prompt = TaskCatalog.Find(name).Generate(1, 0, TaskSplit.HeldOut)[0];

        Assert.Equal(clean, prompt.Clean);
        Assert.Equal(corrupted, prompt.Corrupted);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Prompts_are_distinct(string name)
    {
        foreach (var split in Enum.GetValues<TaskSplit>())
        {
            Assert.Distinct(TaskCatalog.Find(name).Generate(Count, 1, split).Select(prompt => prompt.Clean));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void No_prompt_is_in_both_splits(string name)
    {
        var task = TaskCatalog.Find(name);
        var train = Everything(TaskSplit.Train, 1500).ToHashSet();

        Assert.DoesNotContain(Everything(TaskSplit.HeldOut, Count), train.Contains);

        IEnumerable<string> Everything(TaskSplit split, int count) =>
            task.Generate(count, 3, split).SelectMany(prompt => new[] { prompt.Clean, prompt.Corrupted });
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_prompt_is_whole(string name)
    {
        foreach (var split in Enum.GetValues<TaskSplit>())
        {
            foreach (var prompt in TaskCatalog.Find(name).Generate(Count, 5, split))
            {
                Assert.NotEqual(prompt.Clean, prompt.Corrupted);
                Assert.Equal(prompt.Clean.Split(' ').Length, prompt.Corrupted.Split(' ').Length);
                Assert.All(new[] { prompt.Clean, prompt.Corrupted }, text =>
                {
                    Assert.Equal(text.Trim(), text);
                    Assert.DoesNotContain("  ", text);
                    Assert.DoesNotContain('{', text);
                });
                Assert.NotEmpty(prompt.Answers);
                Assert.NotEmpty(prompt.Distractors);
                Assert.All(prompt.Answers.Concat(prompt.Distractors), word => Assert.False(string.IsNullOrWhiteSpace(word)));
                Assert.Distinct(prompt.Answers.Concat(prompt.Distractors));
            }
        }
    }

    // The two tasks small enough to be exhausted in a test.
    [Theory]
    [InlineData("capital-country")]
    [InlineData("hypernymy")]
    public void A_split_that_is_too_small_says_how_many_prompts_there_are(string name)
    {
        var task = TaskCatalog.Find(name);

        var error = Assert.Throws<InputException>(() => task.Generate(1_000_000, 0, TaskSplit.HeldOut));

        var words = error.Message.Split(' ', ';');
        var most = words.Select(word => int.TryParse(word, out var number) ? number : 0).Where(number => number != 1_000_000).Max();
        Assert.Equal(most, task.Generate(most, 0, TaskSplit.HeldOut).Count);
    }

    [Fact]
    public void Both_genders_numbers_and_orders_are_drawn_about_as_often()
    {
        Share("gendered-pronoun", prompt => prompt.Answers[0] == " she");
        Share("sva", prompt => prompt.Answers[0] == " are");
        Share("ioi", prompt => prompt.Clean.IndexOf(prompt.Answers[0], StringComparison.Ordinal)
            < prompt.Clean.IndexOf(prompt.Distractors[0], StringComparison.Ordinal));

        // 1000 fair draws lie within 5 standard deviations of one half.
        static void Share(string name, Func<TaskPrompt, bool> holds) =>
            Assert.InRange(TaskCatalog.Find(name).Generate(1000, 2, TaskSplit.Train).Count(holds), 420, 580);
    }

    [Fact]
    public void Indirect_objects_are_named_once_and_the_actor_twice()
    {
        foreach (var prompt in TaskCatalog.Find("ioi").Generate(Count, 0, TaskSplit.Train))
        {
            var words = prompt.Clean.Replace(",", "").Split(' ');
            Assert.Single(words, prompt.Answers[0].Trim());
            Assert.Equal(2, words.Count(word => word == prompt.Distractors[0].Trim()));
            Assert.Single(prompt.Corrupted.Replace(",", "").Split(' '), prompt.Distractors[0].Trim());
        }
    }

    [Fact]
    public void Years_above_the_start_are_answers_and_all_others_distractors()
    {
        foreach (var prompt in TaskCatalog.Find("greater-than").Generate(Count, 0, TaskSplit.Train))
        {
            var start = prompt.Clean.Split(' ').First(word => word.Length == 4 && int.TryParse(word, out _));
            var year = int.Parse(start[2..]);
            Assert.EndsWith(" " + start[..2], prompt.Clean);
            Assert.Equal(prompt.Clean.Replace(start, start[..2] + "01"), prompt.Corrupted);
            Assert.Equal(Enumerable.Range(year + 1, 99 - year), prompt.Answers.Select(int.Parse));
            Assert.Equal(Enumerable.Range(0, year + 1), prompt.Distractors.Select(int.Parse));
        }
    }

    [Fact]
    public void A_corrupted_prompt_is_continued_by_the_distractors_unless_it_leaves_the_answer_open()
    {
        var indirect = TaskCatalog.Find("ioi");
        var prompt = indirect.Generate(1, 0, TaskSplit.Train)[0];
        Assert.Equal([.. prompt.Answers, .. prompt.Distractors], indirect.ContinuationsOfCorrupted(prompt));

        var years = TaskCatalog.Find("greater-than");
        var continuations = years.ContinuationsOfCorrupted(years.Generate(1, 0, TaskSplit.Train)[0]);
        Assert.Equal(("02", "99", 98), (continuations[0], continuations[^1], continuations.Length));

        var agreement = TaskCatalog.Find("sva");
        prompt = agreement.Generate(1, 0, TaskSplit.Train)[0];
        Assert.Equal(prompt.Distractors, agreement.ContinuationsOfCorrupted(prompt));
    }

    [Fact]
    public void A_name_that_is_no_task_is_refused_with_the_names_that_are()
    {
        var error = Assert.Throws<InputException>(() => TaskCatalog.Find("iou"));

        Assert.Contains("'iou'", error.Message);
        Assert.All(TaskCatalog.All, task => Assert.Contains(task.Name, error.Message));
    }

    private static string[] Texts(IReadOnlyList<TaskPrompt> prompts) =>
        [.. prompts.Select(prompt => string.Join('\n', [prompt.Clean, prompt.Corrupted, .. prompt.Answers, .. prompt.Distractors]))];
}
