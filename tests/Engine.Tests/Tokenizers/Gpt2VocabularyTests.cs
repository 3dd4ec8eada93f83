using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;
using Microsoft.ML.Tokenizers;
using Xunit;
using Tokenizer = Faith.Engine.Tokenizers.Tokenizer;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>The vocabulary that most circuits were found with.</summary>
public sealed class Gpt2VocabularyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void IdsAreThoseOfAnotherTokenizer()
    {
        Tokenizer ours = Gpt2Vocabulary.Write(folder);
        var other = TiktokenTokenizer.CreateForModel("gpt2");
        Assert.Equal(50257, ours.Count);
        var random = new Random(5);
        foreach (string text in Fixtures.Strings.Concat(Enumerable.Range(0, 2000).Select(_ => EncodingTests.RandomText(random))))
        {
            // The other one does not take characters beyond 16 bits for letters and digits.
            if (text.Contains("<|endoftext|>", StringComparison.Ordinal) || text.Any(char.IsSurrogate))
                continue;
            int[] ids = ours.Encode(text);
            Assert.Equal((text, string.Join(' ', other.EncodeToIds(text))), (text, string.Join(' ', ids)));
            Assert.Equal(text, ours.Decode(ids));
        }
        Assert.Equal([14235, 16753], [ours.Encode(" Amy").Single(), ours.Encode(" Laura").Single()]);
    }

    [SharedDataTheory("paper-tasks")]
    [InlineData("ioi", true)]
    [InlineData("gender-bias", false)]
    [InlineData("fact-retrieval-comma", false)]
    [InlineData("hypernymy-comma", false)]
    [InlineData("greater-than", false)]
    [InlineData("sva", false)]
    public void ThePapersDataAreOfThisVocabulary(string name, bool answersStandInThePrompt)
    {
        Tokenizer tokenizer = Gpt2Vocabulary.Write(folder);
        using var weights = RandomWeights.Create("stories260k");
        // Reading refuses prompts of unequal length and answers of several tokens.
        PromptSet set = PromptSet.Load(SharedData.Find($"paper-tasks/{name}.csv")!, tokenizer, weights.Config with { Vocabulary = 50257, Context = 1024 });
        Assert.True(set.Count > 0);
        for (int i = 0; i < set.Count && answersStandInThePrompt; i++)
        {
            string clean = tokenizer.Decode(set[i].Clean);
            Assert.All(set[i].Answers.Concat(set[i].Distractors), id => Assert.Contains(tokenizer.TokenText(id), clean, StringComparison.Ordinal));
        }
    }

    /// <summary>The authors' reading of their own list: 938 singular and 935 plural verbs are one token of this vocabulary.</summary>
    [SharedDataFact("paper-tasks/sva-verbs.csv")]
    public void TheAuthorsVerbsAreCountedAsTheyCount()
    {
        VerbList verbs = VerbList.Beside(SharedData.Find("paper-tasks/sva.csv")!, Gpt2Vocabulary.Write(folder));
        Assert.Equal((938, 935), (verbs.Singular.Length, verbs.Plural.Length));
    }
}
